#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dialect/text_shapes.hpp"

namespace hawser::dialect {

/// Every string of a request and of an answer is text that a policy must see, but for those that
/// the protocols themselves make something else. text_shapes.cpp says where those stand; this file
/// what must stand there: anything else is text there, too.
enum class Place : std::uint8_t {
  text,
  word,        // a word of the protocol, one of a closed list
  identifier,  // names an object of the protocol; has the shape of a name
  bytes        // base64 of an image, a sound, a file, a signature; read by text_of_bytes()
};

/// What stands beside a string in its object: members that say what bytes are.
class Labels {
 public:
  static bool tells(std::string_view name);
  void clear() { told_.clear(); }
  /// @param name, value  decoded
  void add(std::string_view name, std::string_view value);
  /// Whether one of `wanted` (Member::label) is there, and no other of the same name.
  bool fulfil(std::string_view wanted) const;
  /// Whether one of them, such as a media type, says that it is text.
  bool say_text() const;

 private:
  bool has(std::string_view one) const;

  std::string told_{"|"};  // "|type=base64|media_type=image/png|"
};

/// Whether what a string is depends on its neighbours.
bool needs_labels(const Member& member, std::string_view value);

/// @param shape, member, name  where it stands
/// @param value                decoded
/// @param labels               of the object; all of them
Place place_of(Shape shape, const Member& member, std::string_view name, std::string_view value,
               const Labels& labels);

/// Bytes that somebody reads as text, as UTF-8: base64, alone or in a data: URL. What is labelled
/// as text is, whatever bytes are in it; else what is mostly text, in UTF-8, Latin-1 or UTF-16.
/// Nothing: they are none.
std::optional<std::string> text_of_bytes(std::string_view value, const Labels& labels = {});
/// The same place with another text in it: `value` up to its base64, and `text` as base64.
std::string with_text(std::string_view value, std::string_view text);

/// Whether a member of that name holds words of a protocol, which may decide something.
bool holds_words(std::string_view name);

/// Wholly base64: alphabet, length and padding; blanks between do not count.
bool is_base64(std::string_view value);

/// The digits of a number that is whole, however it is written: 4.111e3 is 4111. Nothing: it is
/// not, or has fewer than six: such are nobody's.
std::optional<std::string> whole_digits(std::string_view number);

}  // namespace hawser::dialect
