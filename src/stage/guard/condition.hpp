#pragma once

#include "base/clock.hpp"
#include "http/breaker.hpp"

namespace hawser::stage::guard {

/// Whether a guard is there. Only a neutral text of our own decides that: whoever writes texts at
/// which it fails must not switch it off, neither for others nor for himself. Of one worker; pure.
class Condition {
 public:
  explicit Condition(const http::BreakerConfig& config) : config_(config) {}

  bool away() const { return away_; }
  /// Whether it is time for a neutral text: after so many failures in a row, and when it may be
  /// back. True once until probed().
  bool wants_probe(Clock::time_point now) {
    if (probing_ || (away_ ? now < try_at_ : failures_ < config_.failures)) return false;
    probing_ = true;
    return true;
  }
  /// It gave no verdict, and not for the text's sake as far as it says.
  void failed() {
    if (failures_ < config_.failures) ++failures_;
  }
  void answered() { failures_ = 0; }
  void probed(bool there, Clock::time_point now) {
    probing_ = false;
    failures_ = 0;
    away_ = !there;
    if (away_) try_at_ = now + config_.pause;
  }

 private:
  http::BreakerConfig config_;
  std::uint32_t failures_ = 0;  // in a row
  bool away_ = false;
  bool probing_ = false;
  Clock::time_point try_at_{};
};

}  // namespace hawser::stage::guard
