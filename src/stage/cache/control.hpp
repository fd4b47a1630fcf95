#pragma once

#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace hawser::stage::cache {

/// What a request's Cache-Control asks for (RFC 9111, 5.2.1). Unknown words mean nothing.
struct Control {
  bool no_cache = false;  // a new answer, which may be stored
  bool no_store = false;  // nothing from the cache, nothing into it
  bool only_if_cached = false;
  std::optional<milliseconds> max_age{};
  std::optional<milliseconds> min_fresh{};
  std::optional<milliseconds> max_stale{};  // without a number: however stale
};
Control parse_control(std::string_view value);

}  // namespace hawser::stage::cache
