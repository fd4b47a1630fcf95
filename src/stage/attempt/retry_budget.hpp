#pragma once

#include <algorithm>

#include "base/clock.hpp"
#include "stage/attempt/config.hpp"

namespace hawser::stage::attempt {

/// Retries as a share of the traffic, not a count a request: when a provider fails for everybody,
/// retries must not multiply its load. Credits live ten seconds.
///
/// Source: Finagle's RetryBudget. Pure: the caller says what time it is.
class RetryBudget {
 public:
  RetryBudget(const RetryConfig& config, Clock::time_point now)
      : per_request_(config.budget_percent / 100.0),
        per_second_(config.budget_per_second),
        credit_(per_second_ * window_s),
        at_(now) {}

  /// Each first attempt earns a part of a retry.
  void earn(Clock::time_point now) {
    decay(now);
    credit_ += per_request_;
  }
  /// Takes one retry, or says that there is none.
  bool spend(Clock::time_point now) {
    decay(now);
    if (credit_ < 1.0) return false;
    credit_ -= 1.0;
    return true;
  }
  bool available(Clock::time_point now) {
    decay(now);
    return credit_ >= 1.0;
  }

 private:
  static constexpr double window_s = 10.0;

  // What was earned fades with the window; what a second allows comes back with it.
  void decay(Clock::time_point now) {
    const double passed_s = std::chrono::duration<double>(now - at_).count();
    if (passed_s <= 0) return;
    at_ = now;
    const double floor = per_second_ * window_s;
    const double kept = credit_ * std::max(0.0, 1.0 - passed_s / window_s);
    credit_ = std::max(kept, std::min(floor, credit_ + passed_s * per_second_));
  }

  double per_request_;
  double per_second_;
  double credit_;
  Clock::time_point at_;
};

}  // namespace hawser::stage::attempt
