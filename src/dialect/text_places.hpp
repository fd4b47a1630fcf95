#pragma once

#include <string_view>

namespace hawser::dialect {

/// Every string of a request and of an answer is text that a policy must see, but for those that
/// the protocols themselves make something else. This file says which those are; the rest is text,
/// whatever it is called and however deep it stands.
enum class Place : std::uint8_t {
  text,
  json_text,   // text that is JSON itself: the arguments of a tool call
  word,        // a word of the protocol, one of a closed list
  identifier,  // names an object of the protocol; has the shape of a name
  base64       // bytes of an image, a sound, a file, a signature: wholly base64
};

/// @param name   of the nearest member, decoded: "role"; of an array's entries, of the array
/// @param value  decoded
/// @param free   below a member whose content is the user's own (see opens_free)
Place place_of(std::string_view name, std::string_view value, bool free);

/// Whether what stands below a member is the user's own: a tool's arguments, a schema, metadata.
/// Nothing there is an identifier or base64 by the protocol.
/// @param depth  of the object that the member is of; 1: the outermost
bool opens_free(std::string_view name, unsigned depth);

/// Whether a member's name is one that the protocols define. All others are text, too: names of
/// properties and keys of metadata reach the model like any text.
bool protocol_name(std::string_view name);

}  // namespace hawser::dialect
