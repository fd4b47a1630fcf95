#pragma once

#include <string>

#include "health/target_health.hpp"

namespace hawser::gateway {

/// How the targets of models with several are, in Prometheus' text form.
std::string render_targets(const health::Directory& targets);
/// The same as JSON, with why one is left alone and for how long.
std::string list_targets(const health::Directory& targets);

}  // namespace hawser::gateway
