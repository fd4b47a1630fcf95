#pragma once

#include <string_view>

#include "dialect/usage.hpp"

/// Where answers tell their usage.
namespace hawser::dialect {

/// What may hold a usage, beside the document itself.
inline bool is_holder(std::string_view name) {
  return name == "response" || name == "message" || name == "x_groq";
}
inline bool is_usage(std::string_view name) {
  return name == "usage" || name == "usageMetadata";
}
inline bool is_tier(std::string_view name) {
  return name == "service_tier" || name == "serviceTier";
}

/// Takes what Cohere bills out of its "meta", which holds other things too.
void take_meta(std::string_view meta, Usage& usage);
/// A name that is too long to be looked at.
void take_unknown_tier(Usage& usage);

}  // namespace hawser::dialect
