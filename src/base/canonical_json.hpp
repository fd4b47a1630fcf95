#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hawser {

inline constexpr int canonical_depth_max = 32;

/// The canonical form of a JSON object (RFC 8785): members sorted, numbers and
/// strings written in one way, no blanks. Nothing where it would lose
/// something: a name that stands twice, a whole number beyond 2^53, text that
/// is not UTF-8, half of a surrogate pair; or where `text` is not one JSON
/// object, or is nested deeper than 32. One pass over `text`, however deep it
/// is.
/// @param without  names of top-level members that are left out
std::optional<std::string> canonical_json(std::string_view text,
                                          std::span<const std::string_view> without);

}  // namespace hawser
