#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.hpp"

namespace hawser::store {

/// How fast a bucket fills: `amount` units every `period`, and at most `burst` at once. In any
/// interval of length t no more than burst + amount * t / period passes.
struct Pace {
  std::uint64_t amount = 1;
  Clock::duration period{std::chrono::seconds(1)};
  std::uint64_t burst = 1;
  std::int64_t burst_time = 0;  // time_of(burst), once it is worked out; 0: not yet

  /// Time that `units` take to come in; rounded up, so that rounding never lets more pass.
  std::int64_t time_of(std::uint64_t units) const;
  /// Units that come in within `time`.
  std::uint64_t units_in(std::int64_t time) const;
};

/// A token bucket in one number, the time at which it will be full again (GCRA: ITU-T I.371, the
/// virtual scheduling algorithm). Lock-free; `now` comes from the caller.
class Bucket {
 public:
  struct Verdict {
    bool taken = false;
    Clock::duration wait{};  // until it would be, if nobody else takes; max(): never
  };
  Verdict take(const Pace& pace, std::uint64_t units, Clock::time_point now);
  /// The same for a leaky bucket: whatever their size, units pass one after the other.
  Verdict take_in_turn(const Pace& pace, std::uint64_t units, Clock::time_point now);
  /// Gives back what was taken and not used.
  void give(const Pace& pace, std::uint64_t units);
  /// Takes what was used beyond what was taken: a debt of at most one more burst.
  /// @return units that are beyond that bound: they were not taken, and cannot go back
  std::uint64_t charge(const Pace& pace, std::uint64_t units, Clock::time_point now);

  /// Units that could be taken now.
  std::uint64_t left(const Pace& pace, Clock::time_point now) const;
  /// Until it is full again.
  Clock::duration until_full(const Pace& pace, Clock::time_point now) const;
  bool idle(Clock::time_point now) const {
    return full_at_.load(std::memory_order_relaxed) <= now.time_since_epoch().count();
  }

 private:
  std::int64_t sane(std::int64_t full_at, std::int64_t now, std::int64_t burst) const;

  std::atomic<std::int64_t> full_at_{0};  // nanoseconds of Clock
};

/// A number of places, each taken by one at a time.
class Places {
 public:
  bool take(std::uint64_t most) {
    if (taken_.fetch_add(1, std::memory_order_acq_rel) < static_cast<std::int64_t>(most)) {
      return true;
    }
    taken_.fetch_sub(1, std::memory_order_acq_rel);
    return false;
  }
  void give() { taken_.fetch_sub(1, std::memory_order_acq_rel); }
  std::uint64_t taken() const {
    const auto taken = taken_.load(std::memory_order_relaxed);
    return taken > 0 ? static_cast<std::uint64_t>(taken) : 0;
  }

 private:
  std::atomic<std::int64_t> taken_{0};
};

}  // namespace hawser::store
