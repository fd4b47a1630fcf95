#include "filter/block_scan.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "filter/character.hpp"
#include "filter/key_format.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace hawser::filter {
namespace {

/// Three bytes that something begins with, as buckets of bits by the halves of each byte: a place
/// is a candidate when one bucket agrees in all six.
struct Fingerprints {
  alignas(16) std::array<std::array<std::uint8_t, 16>, 3> low{}, high{};

  Fingerprints() {
    std::set<std::string> beginnings{"eyJ", "---"};
    for (const KeyFormat& format : key_formats()) beginnings.emplace(format.prefix.substr(0, 3));
    std::size_t number = 0;
    for (const std::string& three : beginnings) {  // neighbours share a bucket: they are alike
      const auto bucket = static_cast<std::uint8_t>(1 << (number++ * 8 / beginnings.size()));
      for (std::size_t i = 0; i < 3; ++i) {
        const auto byte = static_cast<unsigned char>(three[i]);
        low.at(i).at(byte & 15) |= bucket;
        high.at(i).at(byte >> 4) |= bucket;
      }
    }
  }
  bool may_be(const char* text) const {
    std::uint8_t buckets = 0xff;
    for (std::size_t i = 0; i < 3; ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      buckets = static_cast<std::uint8_t>(buckets & low[i][byte & 15] & high[i][byte >> 4]);
    }
    return buckets != 0;
  }
};
const Fingerprints fingerprints;

#if defined(__x86_64__)
using Bytes = __m256i;

/// Two halves of 32 bytes as 64 bits.
__attribute__((target("avx2"))) inline std::uint64_t bits_of(Bytes low, Bytes high) {
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(low)) |
         static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm256_movemask_epi8(high))) << 32;
}
__attribute__((target("avx2"))) inline Bytes all(char c) {
  return _mm256_set1_epi8(c);
}
__attribute__((target("avx2"))) inline std::uint64_t equal(Bytes a, Bytes b, char c) {
  return bits_of(_mm256_cmpeq_epi8(a, all(c)), _mm256_cmpeq_epi8(b, all(c)));
}
__attribute__((target("avx2"))) inline Bytes in_range(Bytes bytes, char from, char last) {
  const Bytes offset = _mm256_sub_epi8(bytes, all(from));
  return _mm256_cmpeq_epi8(_mm256_min_epu8(offset, all(static_cast<char>(last - from))), offset);
}
__attribute__((target("avx2"))) inline std::uint64_t range(Bytes a, Bytes b, char from, char last) {
  return bits_of(in_range(a, from, last), in_range(b, from, last));
}
__attribute__((target("avx2"))) inline Bytes load(const char* text) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text));
}

struct Tables {
  Bytes low[3], high[3];
};
__attribute__((target("avx2"))) inline Bytes table(const std::array<std::uint8_t, 16>& half) {
  return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(half.data())));
}
/// Bytes of which no bucket agrees with the three that begin there are 0.
__attribute__((target("avx2"))) inline Bytes candidates(const char* text, const Tables& tables) {
  const Bytes half = all(15);
  Bytes agree = all(-1);
  for (int i = 0; i < 3; ++i) {
    const Bytes bytes = load(text + i);
    const Bytes low = _mm256_shuffle_epi8(tables.low[i], _mm256_and_si256(bytes, half));
    const Bytes high =
        _mm256_shuffle_epi8(tables.high[i], _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half));
    agree = _mm256_and_si256(agree, _mm256_and_si256(low, high));
  }
  return agree;
}

__attribute__((target("avx2"))) void scan_blocks_avx2(const char* text, std::size_t count,
                                                      Block* blocks) {
  Tables tables;
  for (std::size_t i = 0; i < 3; ++i) {
    tables.low[i] = table(fingerprints.low[i]);
    tables.high[i] = table(fingerprints.high[i]);
  }
  const Bytes zero = _mm256_setzero_si256();
  for (std::size_t i = 0; i < count; ++i, text += 64) {
    const Bytes a = load(text), b = load(text + 32);
    const Bytes low_a = _mm256_or_si256(a, all(32)), low_b = _mm256_or_si256(b, all(32));
    Block& block = blocks[i];
    block.digit = range(a, b, '0', '9');
    block.upper = range(a, b, 'A', 'Z');
    block.alnum = block.digit | range(low_a, low_b, 'a', 'z');
    block.hex = block.digit | range(low_a, low_b, 'a', 'f');
    block.high = bits_of(a, b);
    block.at = equal(a, b, '@');
    block.colon = equal(a, b, ':');
    block.dash = equal(a, b, '-');
    block.dot = equal(a, b, '.');
    block.plus = equal(a, b, '+');
    block.equals = equal(a, b, '=');
    block.underscore = equal(a, b, '_');
    block.backslash = equal(a, b, '\\');
    block.key = ~bits_of(_mm256_cmpeq_epi8(candidates(text, tables), zero),
                         _mm256_cmpeq_epi8(candidates(text + 32, tables), zero));
  }
}

using Scan = void (*)(const char*, std::size_t, Block*);
const Scan best_scan = __builtin_cpu_supports("avx2") ? scan_blocks_avx2 : scan_blocks_portably;
#endif

}  // namespace

void scan_blocks_portably(const char* text, std::size_t count, Block* blocks) {
  for (std::size_t i = 0; i < count; ++i, text += 64) {
    Block block{};
    for (std::size_t at = 0; at < 64; ++at) {
      const char c = text[at];
      const auto put = [at](std::uint64_t& bits, bool is) {
        bits |= static_cast<std::uint64_t>(is) << at;
      };
      put(block.digit, in(digit, c));
      put(block.upper, in(upper, c));
      put(block.alnum, in(alnum, c));
      put(block.hex, in(hex, c));
      put(block.high, in(high, c));
      put(block.at, c == '@');
      put(block.colon, c == ':');
      put(block.dash, c == '-');
      put(block.dot, c == '.');
      put(block.plus, c == '+');
      put(block.equals, c == '=');
      put(block.underscore, c == '_');
      put(block.backslash, c == '\\');
      put(block.key, fingerprints.may_be(text + at));
    }
    blocks[i] = block;
  }
}

void scan_blocks(const char* text, std::size_t count, Block* blocks) {
#if defined(__x86_64__)
  best_scan(text, count, blocks);
#else
  scan_blocks_portably(text, count, blocks);
#endif
}

}  // namespace hawser::filter
