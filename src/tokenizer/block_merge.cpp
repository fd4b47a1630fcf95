#include "tokenizer/block_merge.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace hawser::tokenizer {
namespace {

constexpr int place_bits = 7;
static_assert(merge_block_max <= 1u << place_bits);
static_assert(Vocabulary::rank_bits + place_bits < 32);
constexpr std::uint32_t no_key = ~std::uint32_t{0};
constexpr std::size_t step = 8;  // keys that are compared at once

/// A pair as a number: its rank, and where it begins. The lowest merges next.
using Keys = std::array<std::uint32_t, merge_block_max>;

std::uint32_t key_of(Rank rank, std::size_t at) {
  return rank == Vocabulary::none ? no_key : rank << place_bits | static_cast<std::uint32_t>(at);
}

std::uint32_t lowest_portably(const Keys& keys, std::size_t end) {
  std::uint32_t a = no_key, b = no_key, c = no_key, d = no_key;
  for (std::size_t i = 0; i < end; i += 4) {
    a = std::min(a, keys[i]);
    b = std::min(b, keys[i + 1]);
    c = std::min(c, keys[i + 2]);
    d = std::min(d, keys[i + 3]);
  }
  return std::min(std::min(a, b), std::min(c, d));
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) std::uint32_t lowest_avx2(const Keys& keys, std::size_t end) {
  __m256i lowest = _mm256_set1_epi32(-1);
  for (std::size_t i = 0; i < end; i += step) {
    const auto* at = reinterpret_cast<const __m256i*>(keys.data() + i);
    lowest = _mm256_min_epu32(lowest, _mm256_loadu_si256(at));
  }
  __m128i four = _mm_min_epu32(_mm256_castsi256_si128(lowest), _mm256_extracti128_si256(lowest, 1));
  four = _mm_min_epu32(four, _mm_shuffle_epi32(four, 0x4e));
  four = _mm_min_epu32(four, _mm_shuffle_epi32(four, 0xb1));
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(four));
}
const auto lowest = __builtin_cpu_supports("avx2") ? lowest_avx2 : lowest_portably;
#else
constexpr auto lowest = lowest_portably;
#endif

}  // namespace

std::size_t merge_block(const Vocabulary& vocabulary, std::string_view text, Rank* tokens) {
  const std::size_t size = text.size();
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  Keys keys;
  // Tokens by where they begin, and where their neighbours do.
  std::array<std::uint8_t, merge_block_max + 1> next, before;
  for (std::size_t i = 0; i < size; ++i) {
    tokens[i] = vocabulary.token_of(byte(i));
    next[i] = static_cast<std::uint8_t>(i + 1);
    before[i + 1] = static_cast<std::uint8_t>(i);
  }
  for (std::size_t i = 0; i + 1 < size; ++i) {
    keys[i] = key_of(vocabulary.merged_bytes(byte(i), byte(i + 1)), i);
  }
  const std::size_t end = (size + step - 1) / step * step;
  for (std::size_t i = size - 1; i < end; ++i) keys[i] = no_key;
  for (;;) {
    const std::uint32_t key = lowest(keys, end);
    if (key == no_key) break;
    const std::size_t at = key & ((1u << place_bits) - 1);
    const Rank merged = key >> place_bits;
    const std::size_t gone = next[at], behind = next[gone];
    tokens[at] = merged;
    next[at] = static_cast<std::uint8_t>(behind);
    before[behind] = static_cast<std::uint8_t>(at);
    keys[gone] = no_key;
    keys[at] = behind < size ? key_of(vocabulary.merged(merged, tokens[behind]), at) : no_key;
    if (at == 0) continue;
    const std::size_t left = before[at];
    keys[left] = key_of(vocabulary.merged(tokens[left], merged), left);
  }
  std::size_t count = 0;
  for (std::size_t i = 0; i < size; i = next[i]) tokens[count++] = tokens[i];
  return count;
}

}  // namespace hawser::tokenizer
