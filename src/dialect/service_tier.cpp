#include "dialect/service_tier.hpp"

#include <string>

namespace hawser::dialect {

std::string_view name_of(ServiceTier tier) {
  switch (tier) {
    case ServiceTier::standard:
      return "standard";
    case ServiceTier::flex:
      return "flex";
    case ServiceTier::batch:
      return "batch";
    case ServiceTier::reserved:
      return "reserved";
    case ServiceTier::priority:
      return "priority";
    case ServiceTier::fast:
      return "fast";
    case ServiceTier::other:
      break;
  }
  return "other";
}

ServiceTier service_tier_of(std::string_view name) {
  std::string lower(name.substr(0, 64));
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  std::string_view plain = lower;
  constexpr std::string_view prefix = "on_demand_";
  if (plain.starts_with(prefix)) plain.remove_prefix(prefix.size());
  for (const std::string_view usual : {"", "auto", "default", "standard", "standard_only",
                                       "on_demand", "traffic_type_unspecified", "unspecified"}) {
    if (plain == usual) return ServiceTier::standard;
  }
  if (plain == "scale" || plain == "provisioned_throughput") return ServiceTier::reserved;
  for (std::size_t i = 0; i < service_tiers_count; ++i) {
    const auto tier = static_cast<ServiceTier>(i);
    if (plain == name_of(tier)) return tier;
  }
  return ServiceTier::other;
}

}  // namespace hawser::dialect
