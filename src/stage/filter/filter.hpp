#pragma once

#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dialect/rewrite_text.hpp"
#include "exchange/stage.hpp"
#include "net/byte_budget.hpp"
#include "net/offload.hpp"
#include "net/reactor.hpp"
#include "stage/filter/channel.hpp"
#include "stage/filter/policy.hpp"
#include "telemetry/metrics.hpp"

namespace hawser::stage::filter {

/// Figures of a rule.
struct RuleSeries {
  telemetry::SeriesId prompt{};
  telemetry::SeriesId answer{};
};
using FilterFigures = std::unordered_map<std::string, RuleSeries>;
using FilterFiguresPtr = std::shared_ptr<const FilterFigures>;
FilterFigures filter_figures(telemetry::Registry& registry, const FilterConfig& config);

/// Takes out of prompts and answers what their tenant's rules find. Works on decoded texts, so no
/// spelling of JSON and no cut of a stream hides anything.
class Filter final : public exchange::Stage {
 public:
  /// @param secret  pseudonyms follow from it; the same for as long as conversations go on
  Filter(std::shared_ptr<const Policies> policies, std::string secret, net::Reactor& reactor,
         net::Offload& offload, net::WorkerBytes& bytes, telemetry::Shard& shard,
         FilterFiguresPtr figures)
      : policies_(std::move(policies)),
        secret_(std::move(secret)),
        reactor_(reactor),
        offload_(offload),
        bytes_(bytes),
        shard_(shard),
        figures_(std::move(figures)) {}

  Task<exchange::Answer> run(exchange::Exchange& exchange, exchange::Next next) override;

 private:
  using VaultPtr = std::shared_ptr<hawser::filter::Vault>;
  Task<exchange::Answer> filter(exchange::Exchange& exchange, exchange::Next next,
                                const Policy& policy);
  Task<exchange::Answer> pass_textless(exchange::Exchange& exchange, exchange::Next next,
                                       const Policy& policy);
  std::optional<Error> judge_query(const exchange::Exchange& exchange, const Policy& policy,
                                   const VaultPtr& vault) const;
  /// What became of a prompt.
  struct Prompt {
    Result<dialect::Rewritten> read = dialect::Rewritten();  // Error: malformed
    std::vector<std::uint64_t> found{};                      // by rule
    std::optional<std::size_t> blocked_by{};                 // rule
  };
  static Prompt filter_prompt(dialect::Shape shape, std::string_view body, const Policy& policy,
                              const VaultPtr& vault);
  Result<std::optional<std::string>> judge(const exchange::Exchange& exchange, const Policy& policy,
                                           Prompt prompt) const;
  Task<exchange::Answer> filter_answer(const exchange::Exchange& exchange, const Policy& policy,
                                       VaultPtr vault, generation::GenerationPtr answer);
  Task<exchange::Answer> filter_plain(const exchange::Exchange& exchange,
                                      generation::GenerationPtr answer, const AnswerRules& rules,
                                      dialect::Shape shape);
  VaultPtr make_vault(const exchange::Exchange& exchange) const;

  std::shared_ptr<const Policies> policies_;
  std::string secret_;
  net::Reactor& reactor_;
  net::Offload& offload_;
  net::WorkerBytes& bytes_;
  telemetry::Shard& shard_;
  FilterFiguresPtr figures_;  // answers that outlive this stage count with it too
};

}  // namespace hawser::stage::filter
