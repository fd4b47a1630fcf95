#pragma once

#include <array>
#include <string_view>

#include "base/name_table.hpp"

namespace hawser::dialect {

/// Outermost members of routers and aggregators that ask for further models, for another server or
/// for another place. As canonical_name() gives them.
inline constexpr auto other_model_names = exact_names(std::to_array<std::string_view>(
    {"apibase", "apiurl", "baseurl", "fallbackmodels", "fallbacks", "modellist", "models",
     "contextwindowfallbacks", "preset", "provider", "providers", "litellmparams", "userconfig",
     "targetmodel", "routermodels", "inferencegeo", "inferenceregion"}));

}  // namespace hawser::dialect
