#pragma once

#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "policy/config.hpp"
#include "policy/expression.hpp"
#include "policy/grants.hpp"

namespace hawser::policy {

/// One bit for each target of a model.
using Set = std::uint64_t;

/// Something with tags that a request may come to.
struct Resource {
  std::string name{};
  Tags tags{};
};

/// Tells who is eligible for what. Compiled from one configuration, where every expression is
/// evaluated once for every target: a request costs an AND for each rule that is about it.
class Policy {
 public:
  static constexpr std::size_t targets_max = 64;  // a model

  struct Model {
    std::string name{};
    std::vector<Resource> targets{};
  };
  struct Service {
    Use use = Use::inference;
    Resource resource{};
  };
  struct Given {
    std::vector<RuleConfig> rules{};
    NodeConfig node{};
    std::vector<Model> models{};
    std::vector<Service> services{};  // by Grants: the places, then the guards
  };

  /// What a rule, or a word of the client, allows.
  struct Bound {
    std::string name{};          // of the rule; "client"
    std::vector<Set> targets{};  // by model
    std::uint64_t services = ~std::uint64_t{0};
  };
  /// What the client itself asks for. It narrows, it never widens.
  using Wish = std::vector<const Bound*>;

  struct Eligible {
    Set targets = ~Set{0};
    Grants grants{};
    std::span<const std::uint8_t> order{};   // all targets of the model, best first
    std::span<const std::uint8_t> groups{};  // of the same places: the same are as good
    std::uint64_t scope = 0;                 // the same targets give the same; 0: nothing binds it
    const Bound* bound = nullptr;  // that left no target; else the first that keeps a guard away
  };

  /// One line of an explanation.
  struct Reason {
    std::string rule{};
    std::string why{};  // "require does not hold", "target.zdr is not set"
  };

  /// @param problems  what is wrong with the rules, by path: "residency[0].when"
  static std::shared_ptr<const Policy> compile(Given given, std::vector<config::Problem>& problems);

  /// No rule, and no order of its own: there is nothing to ask.
  bool idle() const { return rules_.empty() && !reorders_; }

  /// Reads "region=eu, eu-strict": tags that must have a value, and rules that hold for this
  /// request too. A value that nothing has leaves nothing. Error: invalid_request
  Result<Wish> wish(std::string_view text) const;

  /// The one decision, for every use.
  /// @param model  index into the models given
  Eligible eligible(const Asker& asker, std::size_t model, const Wish& wish) const;

  bool concerns(std::size_t rule, const Asker& asker) const;
  /// Why a target, or a service, is not eligible; empty: it is.
  std::vector<Reason> why_not(const Asker& asker, std::size_t model, std::size_t target,
                              const Wish& wish) const;
  std::vector<Reason> why_no_service(const Asker& asker, std::size_t service,
                                     const Wish& wish) const;

  const Given& given() const { return given_; }
  const Bound& bound_of(std::size_t rule) const { return rules_[rule].bound; }

 private:
  struct Order {
    std::vector<std::uint8_t> targets{};  // best first
    std::vector<std::uint8_t> groups{};   // of the same places, ascending
  };
  struct Rule {
    Bound bound{};
    bool has_when = false;
    Expression when{};
    bool has_require = false;
    Expression require{};
    std::vector<Expression> prefer{};
    std::vector<Order> orders{};  // by model; empty: it prefers nothing
  };

  explicit Policy(Given given) : given_(std::move(given)) {}
  void compile_rule(std::size_t index, std::span<const std::string> labels,
                    std::vector<config::Problem>& problems);
  Bound bound_by(const Expression& require, const std::vector<Use>& uses, std::string name) const;
  void compile_words();
  void compile_orders();
  Order order_of(const Model& model, const std::vector<Expression>& prefer);
  bool about(const RuleConfig& rule, const Rule& compiled, const Asker& asker) const;
  Things things(const Resource& resource) const {
    return {resource.name, &resource.tags, &given_.node.tags, nullptr};
  }
  Reason reason(const Rule& rule, const Resource& resource) const;
  template <class Excludes>
  std::vector<Reason> reasons(const Asker& asker, const Wish& wish, const Resource& resource,
                              Excludes excludes) const;

  Given given_;
  std::vector<Rule> rules_;
  std::unordered_map<std::string, Bound> words_;        // "region=eu"
  Bound nothing_{};                                     // a value that nothing has
  std::vector<Order> orders_;                           // by model, where no rule prefers
  std::vector<std::vector<std::uint64_t>> target_ids_;  // by model; of name and tags
  bool reorders_ = false;
};

}  // namespace hawser::policy
