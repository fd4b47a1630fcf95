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
  void prepare_continuation(const exchange::Exchange& exchange, const exchange::Target& target,
                            const Tried& tried) const;
  Task<Result<>> find_target(exchange::Exchange& exchange, Walk& walk);
  static bool move_on(const exchange::Exchange& exchange, Walk& walk);
  Task<Hedged> ask(exchange::Exchange& exchange, Walk& walk);
  exchange::Answer answers(exchange::Exchange& exchange, Walk& walk, Hedged asked) const;
  Situation situation(const exchange::Exchange& exchange, const Walk& walk,
                      std::uint32_t at_target);
  exchange::Answer give_up(exchange::Exchange& exchange, Tried tried, GiveUp how) const;
  Task<bool> pause(exchange::Exchange& exchange, milliseconds wait);

  RetryConfig retry_;
  milliseconds total_;
  net::Reactor& reactor_;
  net::WorkerBytes& bytes_;
  std::shared_ptr<Tries> tries_;
  const health::HealthConfig& health_;
  HedgeBudget hedges_{};
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace hawser::stage::attempt
