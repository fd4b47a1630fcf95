#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace hawser::telemetry {

/// Appends `text` as a JSON string, quotes included. Bytes that are not ASCII text are escaped as
/// Latin-1, so that any input gives valid JSON.
inline void append_json(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  static constexpr auto plains = [] {
    std::array<bool, 256> all{};
    for (unsigned byte = 0x20; byte < 0x7f; ++byte) all[byte] = byte != '"' && byte != '\\';
    return all;
  }();
  const auto plain = [](char c) { return plains[static_cast<unsigned char>(c)]; };
  out.push_back('"');
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && plain(text[end])) ++end;
    out.append(text, at, end - at);
    if (end == text.size()) break;
    const char c = text[end];
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else {
      out.append("\\u00");
      out.push_back(digits[byte >> 4]);
      out.push_back(digits[byte & 15]);
    }
    at = end + 1;
  }
  out.push_back('"');
}

inline void append_number(std::string& out, std::int64_t number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

}  // namespace hawser::telemetry
