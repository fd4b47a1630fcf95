#pragma once

#include <string>
#include <string_view>

#include "gateway/snapshot.hpp"

namespace hawser::gateway {

/// What a request would be allowed, and why not more.
/// @param body  {"tenant", "team", "key", "model", "data_class", "residency"}, each optional; who
///              has a key is known by it
/// @return JSON; Errors: invalid_request, not_found
Result<std::string> explain_policy(const Snapshot& snapshot, std::string_view body);

}  // namespace hawser::gateway
