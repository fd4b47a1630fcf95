#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hawser {

/// 0 to 15, of either case; -1: `c` is no hexadecimal digit.
constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Two lower-case digits a byte.
void append_hex(std::string& out, std::string_view bytes);
std::string to_hex(std::string_view bytes);
/// Bytes of lower-case hexadecimal digits; nothing when `text` is something else.
std::optional<std::string> from_hex(std::string_view text);

}  // namespace hawser
