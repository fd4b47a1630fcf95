#pragma once

#include <memory>
#include <random>

#include "exchange/stage.hpp"
#include "net/byte_budget.hpp"
#include "stage/attempt/config.hpp"
#include "stage/attempt/decide.hpp"
#include "stage/attempt/hedge.hpp"
#include "stage/attempt/tries.hpp"

namespace hawser::stage::attempt {

/// The last stage: walks the candidates until one of them starts to answer.
class Attempt final : public exchange::Stage {
 public:
  Attempt(std::vector<Upstream> upstreams, const RetryConfig& retry, const TimeoutConfig& timeouts,
          net::Reactor& reactor, net::WorkerBytes& bytes, AttemptCounts counts,
          const health::HealthConfig& health);

  Task<exchange::Answer> run(exchange::Exchange& exchange, exchange::Next next) override;

 private:
  /// One exchange on its way over its targets.
  struct Way {
    exchange::Exchange& exchange;
    const AttemptRequest& request;
    Walk& walk;
  };
  void prepare_continuation(const AttemptRequest& request, const exchange::Target& target,
                            const Tried& tried) const;
  Task<Result<>> find_target(const AttemptRequest& request, Walk& walk);
  static bool move_on(const Way& way, Walk::Last last);
  std::optional<milliseconds> hedge_after(const Way& way);
  Task<Hedged> ask(const Way& way, bool fresh_connection);
  exchange::Answer answers(const Way& way, Hedged asked) const;
  Situation situation(const Way& way, std::uint32_t at_target);
  exchange::Answer give_up(exchange::Exchange& exchange, Tried tried, GiveUp how) const;
  Clock::time_point answer_by(const AttemptRequest& request, const Walk& walk) const;
  Task<bool> pause(net::Cancellation& cancellation, milliseconds wait);

  RetryConfig retry_;
  net::Reactor& reactor_;
  net::WorkerBytes& bytes_;
  std::shared_ptr<Tries> tries_;
  const health::HealthConfig& health_;
  HedgeBudget hedges_{};
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace hawser::stage::attempt
