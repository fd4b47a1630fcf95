#include "settings/residency.hpp"

#include <algorithm>
#include <bit>
#include <set>

#include "base/name_pattern.hpp"

namespace hawser::settings {
namespace {

using config::Problem;
using policy::Grants;
using policy::Policy;
using policy::Use;
using Problems = std::vector<Problem>;

std::string at(const char* list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

policy::Tags tags_of_provider(const Config& config, const std::string& name) {
  const auto* provider = config::find(config.providers, name);
  return provider == nullptr ? policy::Tags() : provider->tags;
}

std::vector<Policy::Service> services_of(const Config& config) {
  const policy::Tags& node = config.node.tags;
  const auto disk = config.cache.disk ? config.cache.disk->tags : policy::Tags();
  const auto embedding =
      config.cache.semantic ? config.cache.semantic->endpoint.tags : policy::Tags();
  std::vector<Policy::Service> services(Grants::places);
  services[Grants::memory_cache] = {Use::cache, {"cache", node}};
  services[Grants::disk_cache] = {Use::cache, {"cache.disk", overlaid(node, disk)}};
  services[Grants::embedding] = {Use::embedding, {"cache.semantic", embedding}};
  services[Grants::resume_log] = {Use::resume_log, {"generations", node}};
  services[Grants::telemetry_body] = {Use::telemetry_body,
                                      {"log", overlaid(node, config.log.tags)}};
  for (const auto& guard : config.guards) {
    services.push_back({Use::guard, {"guard " + guard.name, guard.endpoint.tags}});
  }
  return services;
}

bool tagged_at_all(const Policy::Given& given) {
  return std::any_of(given.models.begin(), given.models.end(), [](const Policy::Model& model) {
    return std::any_of(model.targets.begin(), model.targets.end(),
                       [](const auto& target) { return !target.tags.empty(); });
  });
}

bool valid_label(const std::string& name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

void check_labels(const std::string& path, const policy::Tags& tags, Problems& problems) {
  for (const auto& [name, value] : tags.labels) {
    if (!valid_label(name)) {
      problems.push_back({path + ".labels." + name, "has 1 to 64 letters, digits and _"});
    }
    if (value.empty()) problems.push_back({path + ".labels." + name, "must not be empty"});
  }
}

void check_all_labels(const Config& config, Problems& problems) {
  check_labels("node.tags", config.node.tags, problems);
  check_labels("log.tags", config.log.tags, problems);
  for (const auto& [name, provider] : config.providers) {
    check_labels("providers." + name + ".tags", provider.tags, problems);
  }
  for (const auto& [name, model] : config.models) {
    for (std::size_t i = 0; i < model.targets.size(); ++i) {
      check_labels("models." + name + "." + at("targets", i) + ".tags", model.targets[i].tags,
                   problems);
    }
  }
  for (std::size_t i = 0; i < config.guards.size(); ++i) {
    check_labels(at("guards", i) + ".tags", config.guards[i].endpoint.tags, problems);
  }
  if (config.cache.disk) check_labels("cache.disk.tags", config.cache.disk->tags, problems);
  if (config.cache.semantic) {
    check_labels("cache.semantic.tags", config.cache.semantic->endpoint.tags, problems);
  }
}

void check_names(const Config& config, Problems& problems) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < config.residency.size(); ++i) {
    const std::string& name = config.residency[i].name;
    const std::string path = at("residency", i) + ".name";
    const bool valid =
        !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
          return c > ' ' && c < 0x7f && c != ',' && c != '=' && c != '"' && c != '\\';
        });
    if (!valid) {
      problems.push_back({path, "has 1 to 64 printable characters, no blanks, quotes, , or ="});
    } else if (name == "client") {
      problems.push_back({path, "'client' stands for what requests ask for themselves"});
    } else if (!names.insert(name).second) {
      problems.push_back({path, "'" + name + "' stands twice"});
    }
  }
}

/// Whether a rule may be about what one entry under models serves: either may be a pattern.
bool concerns(const policy::RuleConfig& rule, const std::string& model) {
  return rule.models.empty() ||
         std::any_of(rule.models.begin(), rule.models.end(), [&](const std::string& pattern) {
           return covers(pattern, model) || covers(model, pattern);
         });
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

void warn_of_targets(const Policy& policy, std::size_t rule, Problems& warnings) {
  const auto& config = policy.given().rules[rule];
  if (config.require.empty()) return;
  std::vector<std::string> none, one;
  for (std::size_t m = 0; m < policy.given().models.size(); ++m) {
    const auto& model = policy.given().models[m];
    if (!concerns(config, model.name)) continue;
    const std::size_t count = std::min(model.targets.size(), Policy::targets_max);
    const policy::Set all = count == 64 ? ~policy::Set{0} : (policy::Set{1} << count) - 1;
    const int left = std::popcount(policy.bound_of(rule).targets[m] & all);
    if (left == 0) none.push_back(model.name);
    if (left == 1) one.push_back(model.name);
  }
  const std::string path = at("residency", rule) + ".require";
  if (!none.empty()) {
    warnings.push_back({path, "leaves no target of " + joined(none) +
                                  ": requests that it is about are refused with 451"});
  }
  if (!one.empty()) {
    warnings.push_back({path, "leaves one target of " + joined(one) + ": nothing to fail over to"});
  }
}

void warn_of_services(const Config& config, const Policy& policy, std::size_t rule,
                      Problems& warnings) {
  const auto allows = [&](std::size_t service) {
    return (policy.bound_of(rule).services >> service & 1) != 0;
  };
  std::vector<std::string> guards;
  for (std::size_t i = 0; i < std::min(config.guards.size(), Grants::guards_max); ++i) {
    if (!allows(Grants::places + i)) guards.push_back(config.guards[i].name);
  }
  const std::string path = at("residency", rule) + ".require";
  if (!guards.empty()) {
    warnings.push_back({path, "does not hold for the guard " + joined(guards) +
                                  ": requests that both are about are refused with 451"});
  }
  const bool caches = config.cache.enabled();
  if (caches && !allows(Grants::memory_cache)) {
    warnings.push_back({path, "does not hold for this node: its cache is not used"});
  }
  if (!allows(Grants::resume_log)) {
    warnings.push_back({path, "does not hold for this node: answers cannot be resumed"});
  }
}

}  // namespace

Policy::Given tagged(const Config& config) {
  Policy::Given given;
  given.rules = config.residency;
  given.node = config.node;
  for (const auto& [name, model] : config.models) {
    auto& out = given.models.emplace_back();
    out.name = name;
    for (const auto& target : model.targets) {
      const std::string full =
          target.model.empty() ? target.provider : target.provider + "/" + target.model;
      out.targets.push_back(
          {full, overlaid(tags_of_provider(config, target.provider), target.tags)});
    }
  }
  if (const auto provider = config.catch_all(); !provider.empty()) {
    given.models.push_back({"other", {{provider, tags_of_provider(config, provider)}}});
  }
  given.services = services_of(config);
  return given;
}

void check_residency(const Config& config, Problems& problems) {
  check_names(config, problems);
  check_all_labels(config, problems);
  const auto policy = Policy::compile(tagged(config), problems);
  if (config.residency.empty() && !tagged_at_all(policy->given())) return;
  for (const auto& [name, model] : config.models) {
    if (model.targets.size() <= Policy::targets_max) continue;
    problems.push_back({"models." + name + ".targets",
                        "at most " + std::to_string(Policy::targets_max) +
                            " targets of a model where there are tags or rules of residency"});
  }
  if (config.guards.size() > Grants::guards_max) {
    problems.push_back({"guards", "at most " + std::to_string(Grants::guards_max) +
                                      " where there are tags or rules of residency"});
  }
}

void warn_of_residency(const Config& config, Problems& warnings) {
  Problems problems;
  const auto policy = Policy::compile(tagged(config), problems);
  for (std::size_t i = 0; i < config.residency.size(); ++i) {
    warn_of_targets(*policy, i, warnings);
    warn_of_services(config, *policy, i, warnings);
  }
}

}  // namespace hawser::settings
