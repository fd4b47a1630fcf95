#pragma once

#include <optional>
#include <string_view>

/// Content codings (RFC 9110, 8.4.1) without a socket: compressed bytes in, plain bytes out.
namespace hawser::coding {

enum class Coding : unsigned char { identity, gzip, deflate, br, zstd };

/// What Accept-Encoding says where a coding was refused.
inline constexpr std::string_view accepted_codings = "gzip, deflate, br, zstd";

/// The one coding that a Content-Encoding value names, in any case; identity where it names none.
/// Nothing for a coding that is not known, and for a list of more than one: who unpacks twice is
/// easily made to unpack without end.
std::optional<Coding> parse_content_encoding(std::string_view value);

/// As Content-Encoding has it.
std::string_view name_of(Coding coding);

}  // namespace hawser::coding
