#include "policy/policy.hpp"

#include <algorithm>
#include <numeric>
#include <set>

#include "base/name_pattern.hpp"
#include "config/nearest.hpp"

namespace hawser::policy {
namespace {

constexpr std::size_t words_max = 16;  // of one wish

std::set<std::string> labels_of(const Policy::Given& given) {
  std::set<std::string> labels;
  const auto add = [&](const Tags& tags) {
    for (const auto& [name, value] : tags.labels) labels.insert(name);
  };
  add(given.node.tags);
  for (const auto& service : given.services) add(service.resource.tags);
  for (const auto& model : given.models) {
    for (const auto& target : model.targets) add(target.tags);
  }
  return labels;
}

/// FNV-1a, then mixed: sums of such numbers stand for sets.
std::uint64_t id_of(const Resource& resource) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : resource.name + '\0' + text_of(resource.tags)) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  hash ^= hash >> 32;
  hash *= 0xd6e8feb86659fd93;
  return hash ^ hash >> 32;
}

/// How far from this node: 0 the same zone, 1 region, 2 legal area, 3 elsewhere or not known.
int distance(const Tags& here, const Tags& there) {
  const auto same = [](const std::string& a, const std::string& b) { return !a.empty() && a == b; };
  if (same(here.zone, there.zone)) return 0;
  if (same(here.region, there.region)) return 1;
  const bool shares = std::any_of(here.legal.begin(), here.legal.end(), [&](const auto& area) {
    return std::find(there.legal.begin(), there.legal.end(), area) != there.legal.end();
  });
  return shares ? 2 : 3;
}

/// The words of a client that these tags fulfil: "region=eu", "legal=gdpr", "zdr=true".
std::vector<std::pair<std::string, std::string>> words_of(const Tags& tags) {
  std::vector<std::pair<std::string, std::string>> words;
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) words.emplace_back(name, value);
  };
  const auto add_flag = [&](const char* name, std::optional<bool> flag) {
    if (flag) words.emplace_back(name, *flag ? "true" : "false");
  };
  add("region", tags.region);
  add("country", tags.country);
  add("zone", tags.zone);
  add("operator", tags.operated_by);
  for (const auto& area : tags.legal) add("legal", area);
  add_flag("zdr", tags.zdr);
  add_flag("train", tags.train);
  add_flag("global", tags.global);
  for (const auto& [name, value] : tags.labels) add("labels." + name, value);
  return words;
}

constexpr std::string_view word_names[] = {"region", "country", "zone",  "operator",
                                           "legal",  "zdr",     "train", "global"};

bool listed(const std::vector<std::string>& list, std::string_view name) {
  return list.empty() || std::any_of(list.begin(), list.end(), [&](const std::string& pattern) {
           return covers(pattern, name);
         });
}

/// A rule about models binds what may be one of them, however it is written.
bool may_list(const std::vector<std::string>& list, std::string_view name) {
  return list.empty() || std::any_of(list.begin(), list.end(), [&](const std::string& pattern) {
           return may_cover(pattern, name);
         });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

Error not_understood(std::string_view word) {
  return {.code = Code::invalid_request,
          .message = "x-hawser-residency: '" + std::string(word.substr(0, 64)) +
                     "' is neither TAG=VALUE nor the name of a rule.",
          .client_may_retry = false};
}

}  // namespace

std::shared_ptr<const Policy> Policy::compile(Given given, std::vector<config::Problem>& problems) {
  const std::shared_ptr<Policy> policy(new Policy(std::move(given)));
  const auto names = labels_of(policy->given_);
  const std::vector<std::string> labels(names.begin(), names.end());
  for (std::size_t i = 0; i < policy->given_.rules.size(); ++i) {
    policy->compile_rule(i, labels, problems);
  }
  policy->compile_words();
  policy->compile_orders();
  return policy;
}

void Policy::compile_rule(std::size_t index, std::span<const std::string> labels,
                          std::vector<config::Problem>& problems) {
  const RuleConfig& config = given_.rules[index];
  const std::string path = "residency[" + std::to_string(index) + "].";
  Rule rule;
  const auto parse = [&](const std::string& text, About about, const std::string& where,
                         Expression& out) {
    auto parsed = Expression::parse(text, about, labels);
    if (parsed) {
      out = std::move(*parsed);
    } else {
      problems.push_back({path + where, parsed.error().message});
    }
    return parsed.has_value();
  };
  if (!config.when.empty()) {
    rule.has_when = parse(config.when, About::requests, "when", rule.when);
  }
  rule.bound.name = config.name;
  rule.bound.targets.assign(given_.models.size(), ~Set{0});
  if (!config.require.empty()) {
    rule.has_require = parse(config.require, About::targets, "require", rule.require);
    if (rule.has_require) rule.bound = bound_by(rule.require, config.applies_to, config.name);
  }
  for (std::size_t i = 0; i < config.prefer.size(); ++i) {
    Expression one;
    const std::string where = "prefer[" + std::to_string(i) + "]";
    if (parse(config.prefer[i], About::targets, where, one)) rule.prefer.push_back(std::move(one));
  }
  rules_.push_back(std::move(rule));
}

/// Evaluates once what requests only look up.
Policy::Bound Policy::bound_by(const Expression& require, const std::vector<Use>& uses,
                               std::string name) const {
  const auto applies = [&](Use use) {
    return uses.empty() || std::find(uses.begin(), uses.end(), use) != uses.end();
  };
  Bound bound;
  bound.name = std::move(name);
  bound.targets.assign(given_.models.size(), ~Set{0});
  for (std::size_t m = 0; applies(Use::inference) && m < given_.models.size(); ++m) {
    bound.targets[m] = 0;
    const auto& targets = given_.models[m].targets;
    for (std::size_t t = 0; t < std::min(targets.size(), targets_max); ++t) {
      if (require.truth(things(targets[t])) == Truth::yes) bound.targets[m] |= Set{1} << t;
    }
  }
  for (std::size_t s = 0; s < std::min<std::size_t>(given_.services.size(), 64); ++s) {
    const auto& service = given_.services[s];
    if (!applies(service.use)) continue;
    if (require.truth(things(service.resource)) != Truth::yes) {
      bound.services &= ~(std::uint64_t{1} << s);
    }
  }
  return bound;
}

void Policy::compile_words() {
  nothing_ = {"client", std::vector<Set>(given_.models.size(), 0), 0};
  const auto bound_of_word = [&](const Tags& tags, const auto& mark) {
    for (const auto& [name, value] : words_of(tags)) {
      mark(words_.try_emplace(name + "=" + value, nothing_).first->second);
    }
  };
  for (std::size_t m = 0; m < given_.models.size(); ++m) {
    const auto& targets = given_.models[m].targets;
    for (std::size_t t = 0; t < std::min(targets.size(), targets_max); ++t) {
      bound_of_word(targets[t].tags, [&](Bound& bound) { bound.targets[m] |= Set{1} << t; });
    }
  }
  for (std::size_t s = 0; s < std::min<std::size_t>(given_.services.size(), 64); ++s) {
    bound_of_word(given_.services[s].resource.tags,
                  [&](Bound& bound) { bound.services |= std::uint64_t{1} << s; });
  }
}

void Policy::compile_orders() {
  for (const auto& model : given_.models) {
    orders_.push_back(order_of(model, {}));
    const auto& order = orders_.back();
    reorders_ = reorders_ || !std::is_sorted(order.targets.begin(), order.targets.end()) ||
                (!order.groups.empty() && order.groups.back() != 0);
    target_ids_.emplace_back();
    for (const auto& target : model.targets) target_ids_.back().push_back(id_of(target));
  }
  for (auto& rule : rules_) {
    if (rule.prefer.empty()) continue;
    for (const auto& model : given_.models) rule.orders.push_back(order_of(model, rule.prefer));
  }
}

/// By what is preferred, then by how far it is, then as the model lists them.
Policy::Order Policy::order_of(const Model& model, const std::vector<Expression>& prefer) {
  std::vector<std::pair<std::size_t, int>> rank;
  for (const auto& target : model.targets) {
    const auto first = std::find_if(prefer.begin(), prefer.end(), [&](const Expression& one) {
      return one.truth(things(target)) == Truth::yes;
    });
    rank.emplace_back(first - prefer.begin(),
                      given_.node.nearest_first ? distance(given_.node.tags, target.tags) : 0);
  }
  Order order;
  order.targets.resize(std::min(rank.size(), targets_max));
  std::iota(order.targets.begin(), order.targets.end(), std::uint8_t{0});
  std::stable_sort(order.targets.begin(), order.targets.end(),
                   [&](std::uint8_t a, std::uint8_t b) { return rank[a] < rank[b]; });
  for (std::size_t at = 0; at < order.targets.size(); ++at) {
    const bool another = at > 0 && rank[order.targets[at]] != rank[order.targets[at - 1]];
    const int before = at > 0 ? order.groups.back() : 0;
    order.groups.push_back(static_cast<std::uint8_t>(before + (another ? 1 : 0)));
  }
  return order;
}

Result<Policy::Wish> Policy::wish(std::string_view text) const {
  Wish wish;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const std::string_view word = trimmed(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (word.empty()) continue;
    if (wish.size() == words_max) return not_understood(word);
    if (const auto found = words_.find(std::string(word)); found != words_.end()) {
      wish.push_back(&found->second);
      continue;
    }
    const auto rule = std::find_if(rules_.begin(), rules_.end(),
                                   [&](const Rule& one) { return one.bound.name == word; });
    if (rule != rules_.end()) {
      wish.push_back(&rule->bound);
      continue;
    }
    const auto equals = word.find('=');
    const std::string_view name = word.substr(0, std::min(equals, word.size()));
    const bool tag =
        name.starts_with("labels.") ||
        std::find(std::begin(word_names), std::end(word_names), name) != std::end(word_names);
    if (equals == std::string_view::npos || !tag) return not_understood(word);
    wish.push_back(&nothing_);
  }
  return wish;
}

// What is not known of a request binds it: a rule that may be about it is.
bool Policy::about(const RuleConfig& rule, const Rule& compiled, const Asker& asker) const {
  if (!listed(rule.tenants, asker.tenant) || !listed(rule.keys, asker.key)) return false;
  if (!asker.model.empty() && !may_list(rule.models, asker.model)) return false;
  if (!compiled.has_when) return true;
  return compiled.when.truth({.node = &given_.node.tags, .request = &asker}) != Truth::no;
}

bool Policy::concerns(std::size_t rule, const Asker& asker) const {
  return about(given_.rules[rule], rules_[rule], asker);
}

Policy::Eligible Policy::eligible(const Asker& asker, std::size_t model, const Wish& wish) const {
  Eligible out;
  const std::size_t count = orders_[model].targets.size();
  out.targets = count == targets_max ? ~Set{0} : (Set{1} << count) - 1;
  const Set all = out.targets;
  std::uint64_t services = ~std::uint64_t{0};
  bool bound = false;
  const auto narrow = [&](const Bound& by) {
    const std::uint64_t guards = services >> Grants::places;
    const Set before = out.targets;
    out.targets &= by.targets[model];
    services &= by.services;
    bound = bound || (by.targets[model] & all) != all || by.services != ~std::uint64_t{0};
    const bool emptied = before != 0 && out.targets == 0;
    if (emptied || (out.bound == nullptr && guards != services >> Grants::places)) out.bound = &by;
  };
  const auto take = [&out](const Order& order) {
    out.order = order.targets;
    out.groups = order.groups;
  };
  take(orders_[model]);
  bool preferred = false;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (!concerns(i, asker)) continue;
    narrow(rules_[i].bound);
    if (preferred || rules_[i].orders.empty()) continue;
    take(rules_[i].orders[model]);
    preferred = true;
  }
  for (const Bound* word : wish) narrow(*word);
  out.grants = Grants(services);
  if (!bound) return out;
  out.scope = 1;
  for (std::size_t t = 0; t < count; ++t) {
    if ((out.targets >> t & 1) != 0) out.scope += target_ids_[model][t];
  }
  return out;
}

Policy::Reason Policy::reason(const Rule& rule, const Resource& resource) const {
  const auto missing = rule.require.missing(things(resource));
  const bool unknown = rule.require.truth(things(resource)) == Truth::unknown;
  std::string why = "require does not hold";
  if (unknown) {
    why = "require is not known to hold:";
    for (const auto& name : missing) why += (why.back() == ':' ? " " : ", ") + name;
    why += missing.size() == 1 ? " is not set" : " are not set";
  }
  return {rule.bound.name, why};
}

template <class Excludes>
std::vector<Policy::Reason> Policy::reasons(const Asker& asker, const Wish& wish,
                                            const Resource& resource, Excludes excludes) const {
  std::vector<Reason> out;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const bool named = std::find(wish.begin(), wish.end(), &rules_[i].bound) != wish.end();
    if (!excludes(rules_[i].bound) || !(named || concerns(i, asker))) continue;
    out.push_back(reason(rules_[i], resource));
  }
  for (const Bound* word : wish) {
    if (word->name != "client" || !excludes(*word)) continue;
    out.push_back({word->name, "the request asks for a tag that it does not have"});
  }
  return out;
}

std::vector<Policy::Reason> Policy::why_not(const Asker& asker, std::size_t model,
                                            std::size_t target, const Wish& wish) const {
  return reasons(asker, wish, given_.models[model].targets[target],
                 [&](const Bound& bound) { return (bound.targets[model] >> target & 1) == 0; });
}

std::vector<Policy::Reason> Policy::why_no_service(const Asker& asker, std::size_t service,
                                                   const Wish& wish) const {
  return reasons(asker, wish, given_.services[service].resource,
                 [&](const Bound& bound) { return (bound.services >> service & 1) == 0; });
}

}  // namespace hawser::policy
