#pragma once

#include <span>
#include <string>
#include <vector>

#include "policy/tags.hpp"

namespace hawser::policy {

/// For what something is used that a request, or a part of it, comes to.
enum class Use : std::uint8_t { inference, cache, embedding, guard, resume_log, telemetry_body };
inline auto names_of(Use) {
  static constexpr config::EnumName<Use> names[] = {
      {Use::inference, "inference"},   {Use::cache, "cache"},
      {Use::embedding, "embedding"},   {Use::guard, "guard"},
      {Use::resume_log, "resume_log"}, {Use::telemetry_body, "telemetry_body"}};
  return std::span(names);
}

/// One rule of residency.
struct RuleConfig {
  std::string name{};
  std::vector<std::string> tenants{};
  std::vector<std::string> keys{};
  std::vector<std::string> models{};
  std::string when{};
  std::string require{};
  std::vector<std::string> prefer{};
  std::vector<Use> applies_to{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("name", name, config::Required{}, "Name in refusals and figures.");
    field("tenants", tenants, config::Anything{}, "Whose requests it is about; empty: all.");
    field("keys", keys, config::Anything{}, "Names of keys that it is about; empty: all.");
    field("models", models, config::Anything{},
          "Models that it is about, as clients ask for them; empty: all. A trailing * matches any "
          "ending.");
    field("when", when, config::Anything{},
          "An expression over request.* and node.*: the requests that it is about; empty: all that "
          "the lists above leave.");
    field("require", require, config::Anything{},
          "An expression over target.* and node.*: what must hold for everything that such a "
          "request comes to. What it is not known to hold for is not used.");
    field("prefer", prefer, config::Anything{},
          "Expressions over target.* and node.*: targets that the first one holds for are tried "
          "first, then those of the second, ...");
    field("applies_to", applies_to, config::Anything{}, "What require is about; empty: all.");
  }
  std::vector<config::Problem> check() const {
    if (require.empty() && prefer.empty()) return {{"require", "or prefer is needed"}};
    return {};
  }
};

/// Where this gateway itself is.
struct NodeConfig {
  std::string name{};
  Tags tags{};
  bool nearest_first = true;

  template <class Visitor>
  void fields(Visitor&& field) {
    field(
        "name", name, config::Anything{},
        "Its name towards other gateways, in Via; empty: a random one. No two may have the same.");
    field("tags", tags, config::Anything{}, "Where this gateway runs.");
    field("nearest_first", nearest_first, config::Anything{},
          "Targets of this zone are tried first, then those of this region, of this legal area, "
          "then the others; false: in the order of the model.");
  }
  std::vector<config::Problem> check() const {
    constexpr std::string_view letters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    if (name.size() <= 64 && name.find_first_not_of(letters) == std::string::npos) return {};
    return {{"name", "must be at most 64 of letters, digits, '-', '.' and '_'"}};
  }
};

}  // namespace hawser::policy
