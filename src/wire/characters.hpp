#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/byte_run.hpp"

/// Which bytes may stand where, as one table for all grammars.
namespace hawser::wire {

enum CharClass : std::uint8_t { token = 1, target = 2, value = 4, host = 8, hex = 16 };

constexpr bool is_alnum(int c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (int c = 0; c < 256; ++c) {
    auto& out = classes[static_cast<std::size_t>(c)];
    const auto is_one_of = [c](std::string_view set) {
      return c < 0x80 && c != 0 && set.find(static_cast<char>(c)) != std::string_view::npos;
    };
    if (is_alnum(c) || is_one_of("!#$%&'*+-.^_`|~")) out |= token;  // RFC 9110, 5.6.2
    if (is_alnum(c) || is_one_of("-._~%!$&'()*+,;=:@/?[]|{}^`\"<>")) out |= target;
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) out |= value;          // RFC 9110, 5.5
    if (is_alnum(c) || is_one_of("-._~%!$&'()*+;=:[]")) out |= host;  // RFC 3986, 3.2.2
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) out |= hex;
  }
  return classes;
}
inline constexpr auto classes = make_classes();

inline bool is(CharClass wanted, char c) {
  return (classes[static_cast<unsigned char>(c)] & wanted) != 0;
}

inline bool all(CharClass wanted, std::string_view text) {
  std::uint8_t common = wanted;
  for (const char c : text) common &= classes[static_cast<unsigned char>(c)];
  return common == wanted;
}

/// How many bytes may stand in a value, tabs included: most of a head is values.
inline std::size_t value_run(const char* at, const char* end) {
  return run_until(
      at, end,
#ifdef __SSE2__
      [](__m128i bytes) {
        const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
        return _mm_or_si128(_mm_andnot_si128(equal_bytes(bytes, '\t'), control),
                            equal_bytes(bytes, 0x7f));
      },
#else
      0,
#endif
      [](char c) { return !is(value, c); });
}

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

}  // namespace hawser::wire
