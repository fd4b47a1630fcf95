#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "exchange/stage.hpp"
#include "health/target_health.hpp"
#include "policy/policy.hpp"
#include "stage/route/config.hpp"

namespace hawser::stage::route {

/// Model names and where they are served, compiled from one configuration; shared by all workers.
class RouteTable {
 public:
  struct Entry {
    std::string name{};  // as the configuration has it: exact, or ending in *
    std::vector<exchange::Target> targets{};
    generation::Rules rules{};
    bool by_latency = false;
    std::optional<exchange::Hedge> hedge{};
    policy::Timeouts timeouts{};
    std::size_t index = 0;  // of the model in the policy
  };

  /// @param providers         names in the order of the providers' indices
  /// @param default_provider  serves what is not listed; empty: nobody does
  /// @param tagged            the same models, and what serves the rest, as the policy knows them
  /// @param health            of all targets; outlives the table
  RouteTable(const config::Map<ModelConfig>& models, const std::vector<std::string>& providers,
             const std::string& default_provider, const std::vector<policy::Policy::Model>& tagged,
             health::Directory& health);

  /// The entry of that model: its own name first, then the longest pattern; nullptr: none.
  const Entry* find(std::string_view model) const;
  /// Where calls without a model and models that are not listed go; nullptr: nowhere.
  const Entry* fallback() const { return default_.get(); }
  /// Whether it is a public name of its own, not one that a pattern covers.
  bool lists(std::string_view model) const { return exact_.find(model) != exact_.end(); }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> exact_;
  std::vector<std::size_t> patterns_;  // longest first
  std::unique_ptr<Entry> default_;
};

/// Chooses the targets of an exchange, those that its residency allows, and answers which models
/// there are.
class Route final : public exchange::Stage {
 public:
  Route(std::shared_ptr<const RouteTable> table, std::shared_ptr<const policy::Policy> policy)
      : table_(std::move(table)), policy_(std::move(policy)) {}
  Task<exchange::Answer> run(exchange::Exchange& exchange, exchange::Next next) override;

 private:
  Result<const RouteTable::Entry*> choose(const exchange::Exchange& exchange) const;
  Result<> bind(exchange::Exchange& exchange, const RouteTable::Entry& entry) const;
  std::vector<std::string_view> public_names(const exchange::Exchange& exchange) const;
  Task<exchange::Answer> list_models(exchange::Exchange& exchange, exchange::Next next) const;
  Result<> send_to(exchange::Exchange& exchange, const RouteTable::Entry& entry) const;

  std::shared_ptr<const RouteTable> table_;
  std::shared_ptr<const policy::Policy> policy_;
};

}  // namespace hawser::stage::route
