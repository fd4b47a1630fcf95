#include "wire/media_type.hpp"

#include <algorithm>

#include "wire/characters.hpp"
#include "wire/http1.hpp"

namespace hawser::wire {
namespace {

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
}

std::string_view take_token(std::string_view& text) {
  std::size_t size = 0;
  while (size < text.size() && is(token, text[size])) ++size;
  const std::string_view taken = text.substr(0, size);
  text.remove_prefix(size);
  return taken;
}

/// A token, or what stands in quotes. An escape there has no use that is honest: it is refused.
bool take_value(std::string_view& text, std::string_view& value) {
  if (!text.starts_with('"')) {
    value = take_token(text);
    return !value.empty();
  }
  const auto end = text.find('"', 1);
  if (end == std::string_view::npos) return false;
  value = text.substr(1, end - 1);
  text.remove_prefix(end + 1);
  return value.find('\\') == std::string_view::npos;
}

bool take_parameter(std::string_view& text, MediaType& out) {
  const std::string_view name = take_token(text);
  // "boundary*": RFC 2231 gives a second way to say it, which few read.
  if (name.empty() || name.find('*') != std::string_view::npos) return false;
  if (!text.starts_with('=')) return false;
  text.remove_prefix(1);
  std::string_view value;
  if (!take_value(text, value)) return false;
  for (auto [known, place] : {std::pair("charset", &out.charset), {"boundary", &out.boundary}}) {
    if (!same_token(name, known)) continue;
    if (place->data() != nullptr) return false;  // twice: two readings
    *place = value;
  }
  return true;
}

}  // namespace

bool MediaType::is(std::string_view wanted) const {
  const auto slash = wanted.find('/');
  return same_token(type, wanted.substr(0, slash)) && same_token(subtype, wanted.substr(slash + 1));
}

bool MediaType::json() const {
  if (is("application/json") || is("text/json")) return true;
  return subtype.size() > 5 && same_token(subtype.substr(subtype.size() - 5), "+json");
}

bool MediaType::utf8() const {
  return charset.empty() || same_token(charset, "utf-8") || same_token(charset, "utf8") ||
         same_token(charset, "us-ascii");
}

bool parse_media_type(std::string_view text, MediaType& out) {
  out = {};
  skip_blanks(text);
  out.type = take_token(text);
  if (out.type.empty() || !text.starts_with('/')) return false;
  text.remove_prefix(1);
  out.subtype = take_token(text);
  if (out.subtype.empty()) return false;
  for (skip_blanks(text); !text.empty(); skip_blanks(text)) {
    if (!text.starts_with(';')) return false;
    text.remove_prefix(1);
    skip_blanks(text);
    if (text.empty()) break;  // "application/json;" is common
    if (!take_parameter(text, out)) return false;
  }
  return true;
}

}  // namespace hawser::wire
