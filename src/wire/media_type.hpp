#pragma once

#include <string_view>

namespace hawser::wire {

/// A Content-Type value. Views point into the text it was read from.
///
/// Source: RFC 9110, 8.3.1 (types, parameters: names in any case), 5.6.6 (quoted values).
struct MediaType {
  std::string_view type{};     // "application"
  std::string_view subtype{};  // "json", "vnd.api+json"
  std::string_view charset{};  // empty: not said
  std::string_view boundary{};

  /// "application/json", in any case.
  bool is(std::string_view wanted) const;
  /// JSON by its name: application/json, text/json, anything/x+json. Not JSON lines.
  bool json() const;
  bool form() const { return is("multipart/form-data"); }
  /// Text of it is read as UTF-8 by everybody: nothing else is said of its characters.
  bool utf8() const;
};

/// @return false: `text` is not one media type
bool parse_media_type(std::string_view text, MediaType& out);

}  // namespace hawser::wire
