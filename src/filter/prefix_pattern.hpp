#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace hawser::filter {

/// A regular expression for all beginnings of what `pattern`, one that RE2 takes, matches; also
/// the empty one. Fails for what it cannot take apart: \Q..\E and flags behind the front.
///   "ab+c" gives "(?:a(?:b*(?:b(?:c)?)?)?)?" in effect.
Result<std::string> prefix_pattern(std::string_view pattern);

}  // namespace hawser::filter
