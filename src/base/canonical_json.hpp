#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hawser {

/// The canonical form of a JSON object (RFC 8785): members sorted, numbers and strings written in
/// one way, no blanks. Nothing where it would lose something: a name that stands twice, a whole
/// number beyond 2^53, text that is not UTF-8; or where `text` is not one JSON object, or is nested
/// deeper than 128.
/// @param without  names of top-level members that are left out
std::optional<std::string> canonical_json(std::string_view text,
                                          std::span<const std::string_view> without);

}  // namespace hawser
