#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"

/// Small questions about JSON tokens as they stand in a text.
namespace hawser::dialect {

/// What a name token, with its quotes, means; in `scratch` where it has escapes.
inline std::string_view plain_name(std::string_view token, std::string& scratch) {
  const std::string_view plain = token.substr(1, token.size() - 2);
  if (plain.find('\\') == std::string_view::npos) return plain;
  return decode_json_string(token, scratch) ? std::string_view(scratch) : std::string_view();
}

/// As for_each_member, with names as they are meant, whatever their escapes.
template <class Each>
bool for_each_named(std::string_view text, Each&& each) {
  std::string scratch;
  return for_each_member(text, [&](std::string_view token, std::string_view value) {
    return each(plain_name(token, scratch), value);
  });
}

inline bool is_object(std::string_view token) {
  return token.starts_with('{');
}
inline bool is_array(std::string_view token) {
  return token.starts_with('[');
}
inline bool is_string(std::string_view token) {
  return token.starts_with('"');
}

/// Whether a token says something: not null, false, 0, nor anything empty.
inline bool says_something(std::string_view token) {
  if (token.empty() || token == "null" || token == "false" || token == "0") return false;
  if (token.size() < 2 || (token.front() != '"' && !is_object(token) && !is_array(token))) {
    return true;
  }
  const auto inside = token.substr(1, token.size() - 2);
  return token.front() == '"' ? !inside.empty()
                              : inside.find_first_not_of(" \t\r\n") != std::string_view::npos;
}

/// Calls `each(value)` for the elements of the array that `text` is. False when it is not one
/// array, or when `each` gives false.
template <class Each>
bool for_each_element(std::string_view text, Each&& each) {
  JsonCursor cursor(text);
  cursor.skip_blanks();
  if (!cursor.take('[')) return false;
  for (bool more = !cursor.take(']'); more;) {
    const std::size_t begin = cursor.at();
    if (!cursor.skip_value()) return false;
    if (!each(cursor.since(begin))) return false;
    if (cursor.take(',')) continue;
    if (!cursor.take(']')) return false;
    more = false;
  }
  cursor.skip_blanks();
  return cursor.at_end();
}

}  // namespace hawser::dialect
