#pragma once

#include "gateway/assemble.hpp"
#include "gateway/snapshot.hpp"
#include "net/resolver.hpp"

namespace hawser::gateway {

/// How one worker resolves names under this configuration.
net::Resolver::Settings resolver_settings(const Snapshot& snapshot, const WorkerParts& parts);

}  // namespace hawser::gateway
