#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "stage/cache/shelf.hpp"

namespace hawser::gateway {

/// What the cache holds, as Prometheus reads it.
std::string render_cache(const stage::cache::Shelf& cache);

/// @param query  "tenant=T&model=M&older_than=5m", each optional
/// @return {"purged":N}; Error: invalid_request for a member that is not known or not understood
Result<std::string> purge_cache(stage::cache::Shelf& cache, std::string_view query);

}  // namespace hawser::gateway
