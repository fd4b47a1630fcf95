#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

/// Equality of ASCII texts in any case. All other bytes are equal to themselves only.
namespace hawser {
namespace detail {

/// Whether eight bytes are the same but for the case of letters.
constexpr bool same_eight(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  const std::uint64_t differ = a ^ b;
  if (differ == 0) return true;
  if ((differ & ~(ones * 0x20)) != 0) return false;
  // The top bit of each byte that is a letter: 'a' to 'z' once the differing bit is set.
  const std::uint64_t low = (a | ones * 0x20) & (ones * 0x7f);
  const std::uint64_t letters =
      (low + ones * (0x80 - 'a')) & ~(low + ones * (0x7f - 'z')) & ~a & (ones * 0x80);
  return ((differ << 2) & ~letters) == 0;
}

inline std::uint64_t eight_at(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, 8);
  return word;
}
/// The first and the last four of 4 to 8 bytes.
inline std::uint64_t ends_of(const char* at, std::size_t size) {
  std::uint32_t first = 0, last = 0;
  std::memcpy(&first, at, 4);
  std::memcpy(&last, at + size - 4, 4);
  return std::uint64_t{last} << 32 | first;
}

constexpr char lower_letter(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

}  // namespace detail

constexpr bool same_letters(const char* a, const char* b, std::size_t size) {
  if (!std::is_constant_evaluated() && size >= 4) {
    if (size < 8) return detail::same_eight(detail::ends_of(a, size), detail::ends_of(b, size));
    for (std::size_t at = 0; at + 8 <= size; at += 8) {
      if (!detail::same_eight(detail::eight_at(a + at), detail::eight_at(b + at))) return false;
    }
    // The last ones, with some that were looked at already.
    return detail::same_eight(detail::eight_at(a + size - 8), detail::eight_at(b + size - 8));
  }
  for (std::size_t at = 0; at < size; ++at) {
    if (detail::lower_letter(a[at]) != detail::lower_letter(b[at])) return false;
  }
  return true;
}

/// Inlined: most texts that are compared differ in their size, and need no call.
[[gnu::always_inline]] constexpr bool same_letters(std::string_view a, std::string_view b) {
  return a.size() == b.size() && same_letters(a.data(), b.data(), a.size());
}

}  // namespace hawser
