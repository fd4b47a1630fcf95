#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

/// JSON as bytes: found, cut out and put together without a tree, so that what passes through stays
/// byte for byte what it was. Source: RFC 8259.
namespace hawser {

/// A cursor over JSON text. Strings, where nearly all bytes of a prompt are, are stepped over by
/// memchr.
class JsonCursor {
 public:
  explicit JsonCursor(std::string_view text) : text_(text) {}

  std::size_t at() const { return at_; }
  bool at_end() const { return at_ == text_.size(); }
  std::string_view since(std::size_t begin) const { return text_.substr(begin, at_ - begin); }

  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }
  /// Takes `expected`, with blanks around it.
  bool take(char expected) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != expected) return false;
    ++at_;
    skip_blanks();
    return true;
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  /// Steps over a string, quotes included.
  bool skip_string() {
    if (peek() != '"') return false;
    const std::size_t begin = ++at_;
    for (;;) {
      const void* found = std::memchr(text_.data() + at_, '"', text_.size() - at_);
      if (found == nullptr) return false;
      const auto quote = static_cast<std::size_t>(static_cast<const char*>(found) - text_.data());
      at_ = quote + 1;
      if (!escaped(begin, quote)) return true;
    }
  }
  /// Steps over any value.
  bool skip_value() {
    if (peek() == '"') return skip_string();
    if (peek() == '{' || peek() == '[') return skip_container();
    const std::size_t begin = at_;
    while (at_ < text_.size() && !ends_scalar(text_[at_])) ++at_;
    return at_ > begin;
  }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
  static bool ends_scalar(char c) {
    return c == ',' || c == '}' || c == ']' || c == '{' || c == '[' || c == '"' || is_blank(c);
  }
  bool escaped(std::size_t begin, std::size_t quote) const {
    std::size_t slashes = 0;
    while (quote - slashes > begin && text_[quote - slashes - 1] == '\\') ++slashes;
    return slashes % 2 == 1;
  }
  bool skip_container() {
    std::size_t depth = 0;
    while (at_ < text_.size()) {
      switch (text_[at_]) {
        case '"':
          if (!skip_string()) return false;
          continue;
        case '{':
        case '[':
          ++depth;
          break;
        case '}':
        case ']':
          if (--depth == 0) {
            ++at_;
            return true;
          }
          break;
        default:
          break;
      }
      ++at_;
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// Calls `each(name, value)` for the members of the object that `text` is, in order: both as they
/// stand there, the name with its quotes. False when it is not one JSON object at its top level, or
/// when `each` gives false.
template <class Each>
bool for_each_member(std::string_view text, Each&& each) {
  JsonCursor cursor(text);
  cursor.skip_blanks();
  if (!cursor.take('{')) return false;
  for (bool more = !cursor.take('}'); more;) {
    const std::size_t name_at = cursor.at();
    if (!cursor.skip_string()) return false;
    const std::string_view name = cursor.since(name_at);
    if (!cursor.take(':')) return false;
    const std::size_t value_at = cursor.at();
    if (!cursor.skip_value()) return false;
    const std::string_view value = cursor.since(value_at);
    if (!each(name, value)) return false;
    if (cursor.take(',')) continue;
    if (!cursor.take('}')) return false;
    more = false;
  }
  cursor.skip_blanks();
  return cursor.at_end();
}

/// The value of the first member of that name, as it stands in `object`; empty: there is none.
std::string_view json_member(std::string_view object, std::string_view name);

/// What a string token, with its quotes, means: UTF-8. False when it is none.
bool decode_json_string(std::string_view token, std::string& out);
/// The same of a member that is a string; nothing where it is missing or something else.
std::optional<std::string> json_text(std::string_view object, std::string_view name);
/// A member that is a whole number from 0 to 2^63.
std::optional<std::uint64_t> json_number(std::string_view object, std::string_view name);

/// Whether `text` is exactly one JSON value as json_scan.hpp reads it: UTF-8, nested at most
/// `json_depth_max` deep.
bool is_json(std::string_view text);

/// Appends `text`, which is UTF-8, as a JSON string with its quotes. Bytes that are not UTF-8
/// become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

}  // namespace hawser
