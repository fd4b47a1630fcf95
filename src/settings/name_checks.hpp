#pragma once

#include "settings/config.hpp"

namespace hawser::settings {

/// Patterns where only whole names are compared: such a rule would be for nobody.
void check_names(const Config& config, std::vector<config::Problem>& problems);
/// Rules, limits and budgets for tenants and keys that no key has: they protect nobody.
void warn_of_names(const Config& config, std::vector<config::Problem>& warnings);

}  // namespace hawser::settings
