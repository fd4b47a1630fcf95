#pragma once

#include <optional>
#include <string_view>

#include "exchange/exchange.hpp"
#include "stage/cache/config.hpp"

namespace hawser::stage::cache {

/// What of a JSON request decides whether its answer may come from the cache.
struct Cacheability {
  bool possible = false;       // nothing forbids it
  bool deterministic = false;  // it asks for the same answer each time
  bool bounded = false;        // it says how long the answer may be: "length" is a whole one
  bool with_usage = false;     // its stream ends with a chunk of usage
};
/// Never: stored and background responses, conversations, tools that the provider runs, audio.
Cacheability cacheability_of(dialect::Api api, std::string_view path_tail, std::string_view body);

}  // namespace hawser::stage::cache
