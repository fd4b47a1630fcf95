#include "base/json.hpp"

#include <charconv>

#include "base/hex.hpp"
#include "base/json_scan.hpp"
#include "base/utf8.hpp"

namespace hawser {
namespace {

std::optional<std::uint32_t> four_digits(std::string_view text) {
  if (text.size() < 4) return std::nullopt;
  std::uint32_t unit = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_value(text[static_cast<std::size_t>(i)]);
    if (digit < 0) return std::nullopt;
    unit = unit * 16 + static_cast<std::uint32_t>(digit);
  }
  return unit;
}

/// Takes "XXXX" or "XXXX\uXXXX" from behind "\u". A half of a pair alone becomes U+FFFD.
bool take_unicode(std::string_view& rest, std::string& out) {
  const auto first = four_digits(rest);
  if (!first) return false;
  rest.remove_prefix(4);
  std::uint32_t point = *first;
  if (point >= 0xd800 && point < 0xe000) {
    const bool paired = point < 0xdc00 && rest.starts_with("\\u");
    const auto second = paired ? four_digits(rest.substr(2)) : std::nullopt;
    if (second && *second >= 0xdc00 && *second < 0xe000) {
      point = 0x10000 + ((point - 0xd800) << 10) + (*second - 0xdc00);
      rest.remove_prefix(6);
    } else {
      point = 0xfffd;
    }
  }
  append_utf8(out, point);
  return true;
}

bool take_escape(std::string_view& rest, std::string& out) {
  if (rest.empty()) return false;
  const char kind = rest.front();
  rest.remove_prefix(1);
  constexpr std::string_view kinds = "\"\\/bfnrt";
  constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
  if (const auto at = kinds.find(kind); at != std::string_view::npos) {
    out.push_back(meanings[at]);
    return true;
  }
  return kind == 'u' && take_unicode(rest, out);
}

/// Has no use for what a scan meets.
struct Anything {
  bool name(const JsonToken&, unsigned) { return true; }
  bool string(const JsonToken&, unsigned) { return true; }
  bool scalar(const JsonToken&, unsigned) { return true; }
  bool open(char, unsigned, std::size_t) { return true; }
  bool close(char, unsigned, std::size_t) { return true; }
};

}  // namespace

std::string_view json_member(std::string_view object, std::string_view name) {
  std::string_view found;
  std::string scratch;
  for_each_member(object, [&](std::string_view token, std::string_view value) {
    const bool same = token.substr(1, token.size() - 2) == name ||
                      (token.find('\\') != std::string_view::npos &&
                       decode_json_string(token, scratch) && scratch == name);
    if (same) found = value;
    return !same;
  });
  return found;
}

bool decode_json_string(std::string_view token, std::string& out) {
  if (token.size() < 2 || token.front() != '"' || token.back() != '"') return false;
  std::string_view rest = token.substr(1, token.size() - 2);
  out.clear();
  for (;;) {
    const auto slash = rest.find('\\');
    out.append(rest.substr(0, slash));
    if (slash == std::string_view::npos) return true;
    rest.remove_prefix(slash + 1);
    if (!take_escape(rest, out)) return false;
  }
}

std::optional<std::string> json_text(std::string_view object, std::string_view name) {
  std::string text;
  if (!decode_json_string(json_member(object, name), text)) return std::nullopt;
  return text;
}

std::optional<std::uint64_t> json_number(std::string_view object, std::string_view name) {
  const std::string_view token = json_member(object, name);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), number);
  if (error != std::errc{} || end != token.data() + token.size() || token.empty()) {
    return std::nullopt;
  }
  if (number >= 1ull << 63) return std::nullopt;
  return number;
}

bool is_json(std::string_view text) {
  Anything anything;
  return scan_json(text, anything) == JsonFault::none;
}

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  out.push_back('"');
  std::size_t plain = 0;  // bytes before the next one that is not written as it is
  const auto flush = [&] {
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    plain = 0;
  };
  while (plain < text.size()) {
    const auto byte = static_cast<unsigned char>(text[plain]);
    if (byte >= 0x80) {
      const std::size_t size = utf8_size(text.substr(plain));
      if (size > 0) {
        plain += size;
        continue;
      }
      flush();
      out.append("\xef\xbf\xbd");
      text.remove_prefix(1);
    } else if (byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f) {
      flush();
      text.remove_prefix(1);
      if (byte == '"' || byte == '\\') {
        out.push_back('\\');
        out.push_back(static_cast<char>(byte));
      } else if (byte == '\n') {
        out.append("\\n");
      } else {
        out.append("\\u00");
        out.push_back(digits[byte >> 4]);
        out.push_back(digits[byte & 15]);
      }
    } else {
      ++plain;
    }
  }
  flush();
  out.push_back('"');
}

}  // namespace hawser
