#include "stage/admit/config.hpp"

#include "base/address.hpp"
#include "price/price_table.hpp"
#include "stage/admit/rate.hpp"

namespace hawser::stage::admit {

std::vector<config::Problem> RateLimitConfig::check() const {
  if (unit == Unit::concurrent) {
    if (max == 0) return {{"max", "must be at least 1 for concurrent"}};
    if (!rate.empty()) return {{"rate", "does not belong to concurrent: set max"}};
    return {};
  }
  if (max != 0) return {{"max", "belongs to concurrent only: set rate and burst"}};
  if (rate.empty()) return {{"rate", "is missing"}};
  const auto pace = parse_rate(rate);
  if (!pace) return {{"rate", pace.error().message}};
  return {};
}

std::vector<config::Problem> BudgetConfig::check() const {
  std::vector<config::Problem> problems;
  if (hard.empty() && soft.empty()) problems.push_back({"hard", "is missing: or set soft"});
  const auto amount = [&](const char* member, const std::string& text) {
    const auto parsed = price::parse_usd(text);
    if (text.empty()) return;
    if (!parsed) return problems.push_back({member, parsed.error().message});
    // As "no bound" it would fail open, as "nothing" it is a key that need not be.
    if (*parsed == 0) problems.push_back({member, "must be more than 0: leave it out for none"});
  };
  amount("hard", hard);
  amount("soft", soft);
  return problems;
}

std::vector<config::Problem> AdmissionConfig::check() const {
  std::vector<config::Problem> problems;
  for (std::size_t i = 0; i < trusted_proxies.size(); ++i) {
    if (IpPrefix::parse(trusted_proxies[i])) continue;
    problems.push_back({"trusted_proxies[" + std::to_string(i) + "]",
                        "must be an address or a network, such as 10.0.0.0/8"});
  }
  return problems;
}

}  // namespace hawser::stage::admit
