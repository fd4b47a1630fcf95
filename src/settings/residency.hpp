#pragma once

#include <memory>

#include "policy/policy.hpp"
#include "settings/config.hpp"

namespace hawser::settings {

/// All that has tags, as the policy knows it: the models in their order, then what takes those that
/// are not listed.
policy::Policy::Given tagged(const Config& config);

void check_residency(const Config& config, std::vector<config::Problem>& problems);
/// Rules that leave a model without a target, or without a second one; services that they keep
/// requests from.
void warn_of_residency(const Config& config, std::vector<config::Problem>& warnings);

}  // namespace hawser::settings
