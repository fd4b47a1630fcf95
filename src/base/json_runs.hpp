#pragma once

#include "base/byte_run.hpp"

/// How many bytes of a JSON text need no look.
namespace hawser {

/// In a string: ASCII but quotes, backslashes and controls.
inline std::size_t plain_run(const char* at, const char* end) {
  return run_until(
      at, end,
#ifdef __SSE2__
      // Signed: bytes of 0x80 and above are smaller than a blank, like controls.
      [](__m128i bytes) {
        return _mm_or_si128(_mm_or_si128(equal_bytes(bytes, '"'), equal_bytes(bytes, '\\')),
                            _mm_cmplt_epi8(bytes, _mm_set1_epi8(' ')));
      },
#else
      0,
#endif
      [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte >= 0x80 || c == '"' || c == '\\';
      });
}

/// In a string, whatever it holds: all but quotes and backslashes.
inline std::size_t string_run(const char* at, const char* end) {
  return run_until(
      at, end,
#ifdef __SSE2__
      [](__m128i bytes) { return _mm_or_si128(equal_bytes(bytes, '"'), equal_bytes(bytes, '\\')); },
#else
      0,
#endif
      [](char c) { return c == '"' || c == '\\'; });
}

/// Outside of strings: all but quotes and what opens or closes a container.
inline std::size_t bracket_run(const char* at, const char* end) {
  return run_until(
      at, end,
#ifdef __SSE2__
      // '[' and '{', and ']' and '}', differ in one bit.
      [](__m128i bytes) {
        const __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
        return _mm_or_si128(equal_bytes(bytes, '"'),
                            _mm_or_si128(equal_bytes(folded, '{'), equal_bytes(folded, '}')));
      },
#else
      0,
#endif
      [](char c) { return c == '"' || (c | 0x20) == '{' || (c | 0x20) == '}'; });
}

/// The same, but for commas: numbers, words, blanks and colons.
inline std::size_t unstructured_run(const char* at, const char* end) {
  return run_until(
      at, end,
#ifdef __SSE2__
      [](__m128i bytes) {
        const __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
        return _mm_or_si128(_mm_or_si128(equal_bytes(bytes, '"'), equal_bytes(bytes, ',')),
                            _mm_or_si128(equal_bytes(folded, '{'), equal_bytes(folded, '}')));
      },
#else
      0,
#endif
      [](char c) { return c == '"' || c == ',' || (c | 0x20) == '{' || (c | 0x20) == '}'; });
}

}  // namespace hawser
