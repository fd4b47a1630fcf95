#pragma once

#include <cstddef>
#include <cstdint>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/// Looks for the first byte of some kind, 16 at a time where the processor can.
namespace hawser {

/// Bytes up to the first one that is marked, all of them if none is.
/// @param mask  marks those of 16 bytes, as SSE2 compares them
/// @param ends  says the same of one byte
template <class Mask, class Ends>
inline std::size_t run_until(const char* at, const char* end, [[maybe_unused]] Mask mask,
                             Ends ends) {
  const char* const begin = at;
#ifdef __SSE2__
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    if (const int found = _mm_movemask_epi8(mask(bytes)); found != 0) {
      return static_cast<std::size_t>(at - begin) +
             static_cast<std::size_t>(__builtin_ctz(static_cast<unsigned>(found)));
    }
  }
#endif
  while (at < end && !ends(*at)) ++at;
  return static_cast<std::size_t>(at - begin);
}

#ifdef __SSE2__
inline __m128i equal_bytes(__m128i bytes, char c) {
  return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c));
}
#endif

}  // namespace hawser
