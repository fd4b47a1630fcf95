#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hawser::dialect {

/// What most counts are: one to nine digits, and nothing else.
inline std::optional<std::uint32_t> short_count(std::string_view digits) {
  if (digits.empty() || digits.size() > 9) return std::nullopt;
  std::uint32_t count = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    count = count * 10 + static_cast<std::uint32_t>(c - '0');
  }
  return count;
}

/// The count that a value of a request means to the most lenient of providers: 64, 64.0, 6.4e1,
/// "64", " +64 ", "6_4", true. Rounded up; what is negative is 0, what is too large the largest.
/// Nothing: no reader is known that takes it for a number.
/// @param value  the token, or the bare text of a form's field
std::optional<std::uint32_t> read_count(std::string_view value);

}  // namespace hawser::dialect
