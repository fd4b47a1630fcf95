#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hawser::dialect {

/// How an answer was served, which may make it cheaper or dearer. Of two that are told together the
/// later one here counts.
enum class ServiceTier : std::uint8_t {
  standard,
  flex,
  batch,
  reserved,  // capacity that was paid for before
  priority,
  fast,
  other  // a name that is not known
};
inline constexpr std::size_t service_tiers_count = 7;
std::string_view name_of(ServiceTier tier);
/// By its name at any provider: "flex", "ON_DEMAND_PRIORITY", ...
ServiceTier service_tier_of(std::string_view name);

}  // namespace hawser::dialect
