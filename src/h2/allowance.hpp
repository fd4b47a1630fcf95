#pragma once

#include <algorithm>

#include "base/clock.hpp"

namespace hawser::h2 {

/// How much of something that costs us and brings nothing a peer may send: a burst, of which a
/// tenth comes back each second. Pure: the caller says what time it is.
class Allowance {
 public:
  explicit Allowance(std::uint32_t burst) : burst_(burst), left_(burst) {}

  /// Takes one, or says that none is left.
  bool spend(Clock::time_point now) {
    if (since_ != Clock::time_point{}) {
      const double passed = std::chrono::duration<double>(now - since_).count();
      left_ = std::min(burst_, left_ + std::max(passed, 0.0) * burst_ / 10);
    }
    since_ = now;
    if (left_ < 1) return false;
    left_ -= 1;
    return true;
  }
  /// What we sent may be answered.
  void earn(double more) { left_ = std::min(burst_, left_ + more); }

 private:
  double burst_;
  double left_;
  Clock::time_point since_{};
};

}  // namespace hawser::h2
