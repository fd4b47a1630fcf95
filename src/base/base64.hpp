#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Base64. Source: RFC 4648, 4 and 5.
namespace hawser {

void append_base64(std::string& out, std::string_view bytes);
/// Either alphabet, with or without padding; nothing else. Nothing when it is malformed.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace hawser
