#include "base/json.hpp"

#include <charconv>

#include "base/utf8.hpp"

namespace hawser {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::uint32_t> four_digits(std::string_view text) {
  if (text.size() < 4) return std::nullopt;
  std::uint32_t unit = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_digit(text[static_cast<std::size_t>(i)]);
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

/// A strict reader that only says yes or no.
class Checker {
 public:
  explicit Checker(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool whole() {
    blanks();
    if (!value(0)) return false;
    blanks();
    return at_ == end_;
  }

 private:
  static constexpr int depth_max = 512;

  bool next_is(char c) const { return at_ < end_ && *at_ == c; }
  bool take(char c) {
    if (!next_is(c)) return false;
    ++at_;
    return true;
  }
  void blanks() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  bool word(std::string_view text) {
    if (static_cast<std::size_t>(end_ - at_) < text.size()) return false;
    if (std::memcmp(at_, text.data(), text.size()) != 0) return false;
    at_ += text.size();
    return true;
  }
  bool value(int depth) {
    if (at_ == end_ || depth > depth_max) return false;
    switch (*at_) {
      case '{':
        return container(depth, '}', true);
      case '[':
        return container(depth, ']', false);
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }
  bool container(int depth, char close, bool named) {
    ++at_;
    blanks();
    if (take(close)) return true;
    for (;;) {
      if (named) {
        if (!next_is('"') || !string()) return false;
        blanks();
        if (!take(':')) return false;
        blanks();
      }
      if (!value(depth + 1)) return false;
      blanks();
      if (take(close)) return true;
      if (!take(',')) return false;
      blanks();
    }
  }
  bool string() {
    for (++at_; at_ < end_; ++at_) {
      const auto byte = static_cast<unsigned char>(*at_);
      if (byte == '"') {
        ++at_;
        return true;
      }
      if (byte < 0x20) return false;
      if (byte != '\\') continue;
      if (++at_ == end_) return false;
      if (*at_ == 'u') {
        if (!four_digits({at_ + 1, static_cast<std::size_t>(end_ - at_ - 1)})) return false;
        at_ += 4;
      } else if (std::string_view("\"\\/bfnrt").find(*at_) == std::string_view::npos) {
        return false;
      }
    }
    return false;
  }
  bool digits() {
    const char* const begin = at_;
    while (at_ < end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return at_ > begin;
  }
  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      return digits();
    }
    return true;
  }

  const char* at_;
  const char* end_;
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
  return Checker(text).whole();
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
