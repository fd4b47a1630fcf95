#pragma once

#include <cstdint>

#include "base/clock.hpp"

namespace hawser {

/// When to try again to reach a path that broke: one policy for every connection that carries
/// calls (the client's tunnel, its streams over SSE and gRPC, and a gateway's link to another).
/// While a call waits: at once, then about 50 ms, doubling to 1 s. Where none waits: from 1 s,
/// doubling to 30 s. Each wait is drawn from a quarter to three quarters of that, so that those who
/// lost the same path do not come back in the same moment, and so that half of them are back
/// within 0.3 s of a path that was away for long. Pure: neither a clock nor a source of chance.
class ReconnectBackoff {
 public:
  enum class Need : std::uint8_t { call_waits, nobody_waits };

  static constexpr milliseconds first{50}, most{1'000};
  static constexpr milliseconds idle_first{1'000}, idle_most{30'000};

  /// The wait before the next try; counts it as a failure until progress() is called.
  /// @param random  [0, 1)
  milliseconds next(double random, Need need = Need::call_waits);

  /// The peer said something that only a working path brings (a welcome, an event, the head of an
  /// answer): the failures before it are forgotten.
  void progress() { failures_ = 0; }

  std::uint32_t failures() const { return failures_; }

 private:
  std::uint32_t failures_ = 0;  // since the last progress
};

}  // namespace hawser
