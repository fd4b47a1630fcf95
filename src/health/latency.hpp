#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>

#include "base/clock.hpp"

namespace hawser::health {

/// Time to first token, as a moving average that follows a peak at once and forgets it over ten
/// seconds. Shared by workers: value and time stand in one word.
///
/// Source: Finagle's peak EWMA.
class PeakAverage {
 public:
  /// In milliseconds; 0: nothing was seen yet.
  double value() const {
    return std::bit_cast<float>(static_cast<std::uint32_t>(word_.load(std::memory_order_relaxed)));
  }
  void observe(Clock::duration took, Clock::time_point now) {
    const double sample = std::chrono::duration<double, std::milli>(took).count();
    std::uint64_t before = word_.load(std::memory_order_relaxed);
    std::uint64_t after = 0;
    do {
      const double old = std::bit_cast<float>(static_cast<std::uint32_t>(before));
      const std::uint32_t passed = stamp(now) - static_cast<std::uint32_t>(before >> 32);
      const double kept = std::exp(-static_cast<double>(passed) / decay_ms);
      const double mixed = before == 0 || sample > old ? sample : old * kept + sample * (1 - kept);
      const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(std::max(mixed, 0.001)));
      after = static_cast<std::uint64_t>(stamp(now)) << 32 | bits;
    } while (!word_.compare_exchange_weak(before, after, std::memory_order_relaxed));
  }

 private:
  static constexpr double decay_ms = 10'000;
  static std::uint32_t stamp(Clock::time_point now) {
    return static_cast<std::uint32_t>(now.time_since_epoch() / 1ms);
  }

  std::atomic<std::uint64_t> word_{0};
};

/// What 95 of 100 samples stay below, followed step by step: each sample above moves it up by a
/// part of itself, each one below moves it down by a nineteenth of that.
class UpperBound {
 public:
  /// In milliseconds; 0: nothing was seen yet.
  double value() const { return value_.load(std::memory_order_relaxed); }
  void observe(Clock::duration took) {
    const double sample = std::chrono::duration<double, std::milli>(took).count();
    const double old = value();
    // Updates of two workers may overwrite each other: one sample less.
    const double next = old == 0 ? sample : sample > old ? old * (1 + up) : old * (1 - up / 19);
    value_.store(std::max(next, 0.001), std::memory_order_relaxed);
  }

 private:
  static constexpr double up = 0.19;
  std::atomic<double> value_{0};
};

}  // namespace hawser::health
