#pragma once

#include "base/clock.hpp"
#include "stage/guard/config.hpp"

namespace hawser::stage::guard {

/// Keeps from asking again and again what fails again and again. Of one worker; pure.
class Breaker {
 public:
  explicit Breaker(const BreakerConfig& config) : config_(config) {}

  /// Whether it may be asked. While it is open one try a pause may.
  bool may_ask(Clock::time_point now) {
    if (failures_ < config_.failures) return true;
    if (now < try_at_) return false;
    try_at_ = now + config_.pause;
    return true;
  }
  void succeeded() { failures_ = 0; }
  void failed(Clock::time_point now) {
    if (failures_ < config_.failures) ++failures_;
    if (failures_ == config_.failures) try_at_ = now + config_.pause;
  }

 private:
  BreakerConfig config_;
  std::uint32_t failures_ = 0;  // in a row
  Clock::time_point try_at_{};
};

}  // namespace hawser::stage::guard
