#pragma once

#include <span>
#include <string>

#include "settings/config.hpp"

namespace hawser::gateway {

/// Whether a provider, or a guard, of the configuration is this gateway itself: one request would
/// then make requests without end. Told where its URL leads to one of the listeners; what cannot be
/// seen here (another name on the way, a balancer) is stopped at its first request by stage/hops.
/// Asks the system for names, and only of hosts whose port is a listener's: may wait for that.
/// @param listeners  "http://127.0.0.1:8080", as they are bound
/// @return what is wrong, for an operator; empty: nothing
std::string own_provider(const settings::Config& config, std::span<const std::string> listeners);

}  // namespace hawser::gateway
