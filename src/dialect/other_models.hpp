#pragma once

#include <array>
#include <string_view>

#include "base/name_table.hpp"

namespace hawser::dialect {

/// Outermost members of routers and aggregators that ask for further models, or for another server.
/// As canonical_name() gives them.
inline constexpr auto other_model_names = exact_names(std::to_array<std::string_view>(
    {"apibase", "apiurl", "baseurl", "fallbackmodels", "fallbacks", "modellist", "models",
     "contextwindowfallbacks", "preset", "litellmparams", "userconfig", "targetmodel",
     "routermodels"}));

/// Those that choose where the model itself is asked: OpenRouter's, Anthropic's.
inline constexpr auto other_place_names = exact_names(
    std::to_array<std::string_view>({"provider", "providers", "inferencegeo", "inferenceregion"}));

}  // namespace hawser::dialect
