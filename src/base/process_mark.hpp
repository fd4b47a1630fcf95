#pragma once

#include <string>
#include <string_view>

#include "base/hex.hpp"
#include "base/random_bytes.hpp"

namespace hawser {

/// What this process is called in the header that every request of its own carries: one that comes
/// back with it went in a circle. Random, so that nobody who has not seen one can write it.
inline const std::string& process_mark() {
  static const std::string mark = to_hex(random_bytes(12));
  return mark;
}

/// The gateways that a request came through, each by its mark, the last one behind.
inline constexpr std::string_view hop_field = "x-hawser-hop";

/// More than a deployment has in a row: a circle of gateways that do not know their own mark.
inline constexpr std::size_t hops_max = 16;

}  // namespace hawser
