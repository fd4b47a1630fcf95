#pragma once

#include <random>

#include "exchange/exchange.hpp"
#include "health/choice.hpp"
#include "health/load.hpp"
#include "stage/attempt/decide.hpp"

namespace hawser::stage::attempt {

/// The way of one request over its targets: which is asked next, and what is learned of each.
/// Where there is one target only, that one is asked and nothing is learned.
class Walk {
 public:
  /// All of them outlive it.
  Walk(const exchange::Candidates& candidates, const exchange::Request& request,
       const health::HealthConfig& rules, std::minstd_rand& random);

  bool several() const { return candidates_.size() > 1; }
  const exchange::Target& target() const { return candidates_[at_]; }
  /// Of the target; null: nothing is learned.
  health::TargetHealth* health() const { return several() ? target().health : nullptr; }

  /// What may be asked where no target is well.
  enum class Last : std::uint8_t {
    resort,  // also one that named a time to come back: another one broke, so it is the last hope
    none,
  };
  /// Chooses among the targets that were not tried. Of `wait` nothing is chosen.
  health::Choice choose(Clock::time_point now, Last last = Last::none);
  /// Whether a target is left that may be asked now.
  bool has_next(Clock::time_point now, Last last = Last::none) const;
  /// This one failed: it is not asked again.
  void leave() { tried_ |= std::uint64_t{1} << at_; }
  std::size_t at() const { return at_; }
  /// No other one will do: back to that one.
  void stay(std::size_t at) { at_ = at; }

  /// A request to the target begins: it counts as long as the load lives.
  health::Load begin();
  void answered(const exchange::Target& target, Clock::duration first_token,
                Clock::time_point now) const;
  /// @return whether a breaker was opened by it
  bool failed(const exchange::Target& target, const Failure& failure, Clock::time_point now) const;
  /// How long to wait for the first content before a second target is asked; nothing: never.
  std::optional<milliseconds> hedge_after() const;

 private:
  health::Option option(std::size_t at, Clock::time_point now) const;
  bool tells_of_target(const health::TargetHealth& health, health::Fault fault) const;

  const exchange::Candidates& candidates_;
  const health::HealthConfig& rules_;
  std::minstd_rand& random_;
  std::size_t at_ = 0;
  std::uint64_t tried_ = 0;
  std::uint32_t tokens_ = 0;
  bool asks_model_;         // the request names one
  std::uint8_t operation_;  // dialect::Operation
  bool generates_;          // it is a call that targets are there for
};

/// What a failure says, and of whom. @param asks_model  the request names a model
health::Fault fault_of(const Failure& failure, bool asks_model);

}  // namespace hawser::stage::attempt
