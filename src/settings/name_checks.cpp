#include "settings/name_checks.hpp"

#include <algorithm>

#include "base/name_pattern.hpp"
#include "config/nearest.hpp"

namespace hawser::settings {
namespace {

using Problems = std::vector<config::Problem>;
using Names = std::vector<std::string>;

enum class Compared : std::uint8_t { whole, as_patterns };

/// Each list of tenants or keys that says whom a policy concerns.
template <class See>
void each_list(const Config& config, See see) {
  const auto path = [](const std::string& list, std::size_t i, const char* member) {
    return list + "[" + std::to_string(i) + "]." + member;
  };
  constexpr auto whole = Compared::whole, patterns = Compared::as_patterns;
  for (std::size_t i = 0; i < config.residency.size(); ++i) {
    see(path("residency", i, "tenants"), config.residency[i].tenants, true, patterns);
    see(path("residency", i, "keys"), config.residency[i].keys, false, patterns);
  }
  for (std::size_t i = 0; i < config.filter.rules.size(); ++i) {
    see(path("filter.rules", i, "tenants"), config.filter.rules[i].tenants, true, whole);
  }
  for (std::size_t i = 0; i < config.guards.size(); ++i) {
    see(path("guards", i, "tenants"), config.guards[i].tenants, true, whole);
  }
  for (std::size_t i = 0; i < config.rate_limits.size(); ++i) {
    see(path("rate_limits", i, "tenants"), config.rate_limits[i].tenants, true, patterns);
    see(path("rate_limits", i, "keys"), config.rate_limits[i].keys, false, patterns);
  }
  for (std::size_t i = 0; i < config.budgets.size(); ++i) {
    see(path("budgets", i, "tenants"), config.budgets[i].tenants, true, patterns);
  }
}

std::string at(const std::string& list, std::size_t index) {
  return list + "[" + std::to_string(index) + "]";
}

}  // namespace

void check_names(const Config& config, Problems& problems) {
  each_list(config, [&](const std::string& path, const Names& names, bool, Compared compared) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (compared == Compared::as_patterns || !names[i].ends_with('*')) continue;
      problems.push_back({at(path, i), "must be a whole name: patterns are not read here"});
    }
  });
}

void warn_of_names(const Config& config, Problems& warnings) {
  std::vector<std::string_view> tenants{"default"}, keys;
  for (const auto& key : config.keys) {
    tenants.push_back(key.tenant);
    keys.push_back(key.name);
  }
  const auto warn = [&](const std::string& path, const std::string& name, bool of_tenants) {
    const auto& known = of_tenants ? tenants : keys;
    const bool there = std::any_of(known.begin(), known.end(),
                                   [&](std::string_view one) { return covers(name, one); });
    if (there) return;
    const auto meant = config::nearest(name, known);
    const std::string hint = meant.empty() ? "" : ": did you mean '" + std::string(meant) + "'?";
    warnings.push_back({path, std::string("no key has the ") + (of_tenants ? "tenant" : "name") +
                                  " '" + name + "'" + hint});
  };
  each_list(config, [&](const std::string& path, const Names& names, bool of_tenants, Compared) {
    for (std::size_t i = 0; i < names.size(); ++i) warn(at(path, i), names[i], of_tenants);
  });
  for (const auto& [name, tenant] : config.tenants) warn("tenants." + name, name, true);
}

}  // namespace hawser::settings
