#include "stage/filter/policy.hpp"

#include <algorithm>
#include <set>

namespace hawser::stage::filter {

using hawser::filter::Rule;
using hawser::filter::Scanner;

std::vector<config::Problem> RuleConfig::check() const {
  const int kinds =
      (detect.empty() ? 0 : 1) + (keywords.empty() ? 0 : 1) + (pattern.empty() ? 0 : 1);
  if (kinds != 1) return {{"name", "a rule has one of detect, keywords and pattern"}};
  if (replacement.find_first_of("\"\\\r\n") != std::string::npos) {
    return {{"replacement", "holds no quote, backslash or line end: it may stand in JSON"}};
  }
  RuleConfig alone = *this;
  alone.tenants.clear();
  const auto compiled = Policies::compile({{alone}});
  if (compiled) return {};
  return {{keywords.empty() && pattern.empty() ? "label"
           : pattern.empty()                   ? "keywords"
                                               : "pattern",
           compiled.error().message}};
}

std::vector<config::Problem> FilterConfig::check() const {
  if (auto problem = dialect::grants_problem(pass_unread); !problem.empty()) {
    return {{"pass_unread", std::move(problem)}};
  }
  return {};
}

namespace {

void append_rules(const RuleConfig& config, std::vector<Rule>& out) {
  const auto add = [&](decltype(Rule::looks_for) looks_for) {
    out.push_back({.name = config.name,
                   .looks_for = std::move(looks_for),
                   .action = config.action,
                   .label = config.label,
                   .replacement = config.replacement});
  };
  for (const auto detector : config.detect) add(detector);
  if (!config.keywords.empty()) {
    add(hawser::filter::Keywords{config.keywords, config.any_case, config.whole_words});
  }
  if (!config.pattern.empty()) add(hawser::filter::Expression{config.pattern, config.any_case});
}

bool concerns(const RuleConfig& rule, std::string_view tenant, Where direction) {
  if (rule.in != Where::both && rule.in != direction) return false;
  return rule.tenants.empty() ||
         std::find(rule.tenants.begin(), rule.tenants.end(), tenant) != rule.tenants.end();
}

Result<std::shared_ptr<const Scanner>> scanner_of(const FilterConfig& config,
                                                  std::string_view tenant, Where direction) {
  std::vector<Rule> rules;
  for (const auto& rule : config.rules) {
    if (concerns(rule, tenant, direction)) append_rules(rule, rules);
  }
  if (rules.empty()) return std::shared_ptr<const Scanner>();
  return Scanner::compile(std::move(rules));
}

Result<Policy> policy_of(const FilterConfig& config, std::string_view tenant) {
  Policy policy;
  auto prompt = scanner_of(config, tenant, Where::prompt);
  if (!prompt) return prompt.error();
  auto answer = scanner_of(config, tenant, Where::answer);
  if (!answer) return answer.error();
  policy.prompt = std::move(*prompt);
  policy.answer = std::move(*answer);
  policy.restores =
      std::any_of(config.rules.begin(), config.rules.end(), [&](const RuleConfig& rule) {
        return concerns(rule, tenant, Where::prompt) &&
               rule.action == hawser::filter::Action::pseudonymise;
      });
  return policy;
}

}  // namespace

Result<std::shared_ptr<const Policies>> Policies::compile(const FilterConfig& config) {
  auto policies = std::make_shared<Policies>();
  auto general = policy_of(config, {});
  if (!general) return general.error();
  policies->general_ = std::move(*general);
  policies->pass_unread_ = dialect::operations_of_grants(config.pass_unread);
  std::set<std::string> tenants;
  for (const auto& rule : config.rules) tenants.insert(rule.tenants.begin(), rule.tenants.end());
  for (const auto& tenant : tenants) {
    auto policy = policy_of(config, tenant);
    if (!policy) return policy.error();
    policies->by_tenant_.emplace(tenant, std::move(*policy));
  }
  return std::shared_ptr<const Policies>(std::move(policies));
}

const Policy& Policies::of(std::string_view tenant) const {
  const auto found = by_tenant_.find(tenant);
  return found == by_tenant_.end() ? general_ : found->second;
}

}  // namespace hawser::stage::filter
