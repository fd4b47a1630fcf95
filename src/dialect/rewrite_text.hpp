#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "dialect/text_shapes.hpp"

namespace hawser::dialect {

/// A text, decoded.
struct FoundText {
  std::string_view text{};
  /// It has escapes of its own: the arguments of a tool call, a tool's result as JSON. It is to be
  /// looked at as with_plain_escapes() gives it.
  bool json = false;
  std::string_view name{};  // of the nearest member, decoded; of a name, itself
  std::size_t at = 0;       // where its token begins in the JSON
  /// It is a name, a word of a protocol, or stands where no protocol is known: what it says may
  /// decide something, and in another form something else.
  bool fixed = false;
};
/// Whether a text is such: JSON by its first character, or with escapes that JSON has.
bool has_own_escapes(std::string_view text);

/// Gives a text its new form. @return false: it stays as it is
using ChangeText = std::function<bool(const FoundText& found, std::string& changed)>;

struct Rewritten {
  std::optional<std::string> json{};  // nothing: nothing was changed
  /// The member whose texts nobody can read: a prompt in the numbers of somebody's tokenizer.
  std::string unread{};
};

/// Rewrites the texts of a JSON request or answer: every string, and every name that the protocols
/// do not define, but for words, identifiers and bytes of the protocols (text_places.hpp). What is
/// JSON inside a string is read, too, as deep as that goes. All else stays byte for byte. One pass,
/// and one for each JSON inside JSON.
///
/// @param root  of the outermost object
/// Error: invalid_request, it is not JSON, so it was not read
Result<Rewritten> rewrite_texts(Shape root, std::string_view json, const ChangeText& change);

/// The same of an event of a stream, of whatever operation: each token is told once, in its order.
/// So what says of bytes that they are such must stand before them, and only the arguments of a
/// tool call and whole texts of JSON are told as such.
Result<std::optional<std::string>> rewrite_texts(std::string_view json, const ChangeText& change);

}  // namespace hawser::dialect
