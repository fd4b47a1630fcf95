#pragma once

#include <optional>
#include <random>

#include "exchange/stage.hpp"
#include "net/offload.hpp"
#include "net/reactor.hpp"
#include "stage/admit/holding.hpp"
#include "stage/admit/limits.hpp"
#include "stage/admit/turnstile.hpp"
#include "telemetry/metrics.hpp"

namespace hawser::stage::admit {

/// What the workers share of limits. Outlives reloads.
struct SharedLimits {
  explicit SharedLimits(std::size_t counters_max) : counters(counters_max) {}
  store::LimitCounters counters;
  std::unique_ptr<store::Ledger> ledger{};  // null: none is kept
  Turnstile turnstile{};
};

/// What one worker keeps of them. Outlives reloads too.
struct WorkerLimits {
  explicit WorkerLimits(SharedLimits& all) : shared(all), known(all.counters) {}
  SharedLimits& shared;
  store::KnownCounters known;
  Histories histories{};
};

/// Figures of one limit.
struct LimitSeries {
  telemetry::SeriesId admitted{};
  telemetry::SeriesId refused{};
};
struct LimitFigures {
  std::vector<LimitSeries> by_limit{};
  telemetry::SeriesId over_budget{};
  telemetry::SeriesId unpriced{};
  telemetry::SeriesId waiting{};
  telemetry::SeriesId wait{};
};
LimitFigures limit_figures(telemetry::Registry& registry,
                           const std::vector<RateLimitConfig>& limits);

/// Lets an exchange pass when all of its limits have room for it, and takes that room at once;
/// makes it wait where a limit smooths; refuses it with the limit's name and the time to wait.
class Admit final : public exchange::Stage {
 public:
  Admit(std::shared_ptr<const LimitTable> table, WorkerLimits& limits, net::Reactor& reactor,
        net::Offload& offload, telemetry::Shard& shard, LimitFigures figures)
      : table_(std::move(table)),
        limits_(limits),
        reactor_(reactor),
        offload_(offload),
        shard_(shard),
        figures_(std::move(figures)) {}

  Task<exchange::Answer> run(exchange::Exchange& exchange, exchange::Next next) override;

 private:
  /// The limit that has no room, and for how long.
  struct Obstacle {
    const Limit* limit = nullptr;
    store::LimitCounterPtr counter{};
    Clock::duration wait{};
  };
  /// What a body says of its cost.
  struct BodyFacts {
    bool is_text = false;  // its answer is text, or it is only read
    TextFacts text{};
    Forecast media{};  // of what is no text
  };
  BodyFacts read_body(const exchange::Exchange& exchange) const;
  Task<exchange::Answer> read_and_run(exchange::Exchange& exchange, exchange::Next next);
  Task<exchange::Answer> run_read(exchange::Exchange& exchange, exchange::Next next,
                                  BodyFacts body);
  std::unique_ptr<Holding> weigh(const exchange::Exchange& exchange, BodyFacts body);
  std::optional<Error> pass_over_unpriced(exchange::Exchange& exchange, const Bill& bill);
  Obstacle take_all(const exchange::Exchange& exchange, Holding& holding, Clock::time_point now);
  Obstacle take_all_somewhere(exchange::Exchange& exchange, Holding& holding,
                              Clock::time_point now);
  Task<exchange::Answer> wait_and_pass(exchange::Exchange& exchange, exchange::Next next,
                                       std::unique_ptr<Holding> holding, Obstacle obstacle);
  Task<Result<>> wait_for(exchange::Exchange& exchange, Holding& holding, const Obstacle& obstacle,
                          Clock::time_point until);
  void admit(exchange::Exchange& exchange, std::unique_ptr<Holding> holding);
  /// Takes what the exchange may cost from all of its budgets. @return the one without room
  const Budget* take_budgets(exchange::Exchange& exchange, Holding& holding);
  Task<exchange::Answer> pass(exchange::Exchange& exchange, exchange::Next next,
                              std::unique_ptr<Holding> holding);
  Error refuse(exchange::Exchange& exchange, const Obstacle& obstacle);
  Error refuse(exchange::Exchange& exchange, const Budget& budget);
  void tell(exchange::Exchange& exchange);
  void warn(exchange::Exchange& exchange, const Budget& budget, bool first);

  std::shared_ptr<const LimitTable> table_;
  WorkerLimits& limits_;
  net::Reactor& reactor_;
  net::Offload& offload_;
  telemetry::Shard& shard_;
  LimitFigures figures_;
  std::minstd_rand random_{std::random_device{}()};
  store::CounterName name_;
};

}  // namespace hawser::stage::admit
