#pragma once

#include "base/clock.hpp"
#include "config/fields.hpp"

namespace hawser::http {

struct BreakerConfig {
  std::uint32_t failures = 5;
  std::chrono::milliseconds pause{5'000};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("failures", failures, config::Range<std::uint32_t>{1, 1000},
          "So many in a row, and it is not asked for a while: it counts as away.");
    field("pause", pause, config::Range<milliseconds>{100ms, 1h},
          "For how long; then one request tries it.");
  }
};

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

}  // namespace hawser::http
