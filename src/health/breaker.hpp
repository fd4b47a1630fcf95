#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/clock.hpp"
#include "health/config.hpp"

namespace hawser::health {

/// Opens when what it guards fails: after so many failures in a row, or when their share of the
/// last 30 seconds is too high. Open, it lets one try through a pause; that one closes it or
/// doubles the pause. Shared by workers, without a lock; the caller says what time it is.
class Breaker {
 public:
  struct Verdict {
    bool open = false;
    Clock::time_point until{};  // of an open one: when the next try is let through
  };
  Verdict look() const;
  /// Whether a try may go through now. Of an open breaker whose pause is over the first one that
  /// asks may, and nobody else until it is told how that went, or a pause has passed.
  bool admit(Clock::time_point now, const HealthConfig& config);

  /// @return whether it was open and is closed by this
  bool succeeded(Clock::time_point now);
  /// @return whether this opened it
  bool failed(Clock::time_point now, const HealthConfig& config);

 private:
  static constexpr auto slice = 5s;
  static constexpr std::size_t slices = 6;
  // A slice in one word: its number (24 bits), tries and failures (20 bits each).
  static std::uint64_t number_of(Clock::time_point now);
  void count(Clock::time_point now, bool failure);
  bool too_many(Clock::time_point now, const HealthConfig& config) const;
  void open(Clock::time_point now, const HealthConfig& config);

  std::array<std::atomic<std::uint64_t>, slices> counts_{};
  std::atomic<std::uint32_t> in_a_row_{0};
  std::atomic<std::uint32_t> opened_{0};  // times in a row
  std::atomic<Clock::rep> next_try_{0};   // 0: closed
  std::atomic<bool> probing_{false};      // a try was let through while it is open
};

}  // namespace hawser::health
