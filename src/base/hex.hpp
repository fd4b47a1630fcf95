#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hawser {

/// Two lower-case digits a byte.
void append_hex(std::string& out, std::string_view bytes);
std::string to_hex(std::string_view bytes);
/// Bytes of lower-case hexadecimal digits; nothing when `text` is something else.
std::optional<std::string> from_hex(std::string_view text);

}  // namespace hawser
