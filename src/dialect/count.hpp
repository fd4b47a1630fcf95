#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hawser::dialect {

/// The count that a value of a request means to the most lenient of providers: 64, 64.0, 6.4e1,
/// "64", " +64 ", "6_4", true. Rounded up; what is negative is 0, what is too large the largest.
/// Nothing: no reader is known that takes it for a number.
/// @param value  the token, or the bare text of a form's field
std::optional<std::uint32_t> read_count(std::string_view value);

}  // namespace hawser::dialect
