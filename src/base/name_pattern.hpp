#pragma once

#include <string_view>

namespace hawser {

/// Whether a name of the configuration fits `name`: it is the same, or ends in * and `name` begins
/// with what stands before it.
inline bool covers(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return pattern == name;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

}  // namespace hawser
