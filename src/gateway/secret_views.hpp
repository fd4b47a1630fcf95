#pragma once

#include <string>

#include "secret/keeper.hpp"

namespace hawser::gateway {

/// How fresh what comes over the network is, in Prometheus' text form. Names only.
std::string render_secrets(const secret::Keeper& keeper);

}  // namespace hawser::gateway
