#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "stage/cache/cache.hpp"

namespace hawser::gateway {

/// What the cache holds, as Prometheus reads it.
std::string render_cache(const stage::cache::Cache::Shelves& shelves);

/// @param query  "tenant=T&model=M&older_than=5m", each optional
/// @return {"purged":N}, and with a disk {"purged":N,"purged_disk":N}; Error: invalid_request for a
/// member that is not known or not understood, overloaded when the disk does not serve
Task<Result<std::string>> purge_cache(stage::cache::Cache::Shelves shelves, net::Reactor& here,
                                      std::string_view query);

}  // namespace hawser::gateway
