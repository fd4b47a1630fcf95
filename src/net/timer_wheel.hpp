#pragma once

#include <array>
#include <cstdint>

#include "base/clock.hpp"

namespace hawser::net {

/// A deadline that is set and moved far more often than it fires. A base of its owner; leaving
/// scope takes it off the wheel.
class Timer {
 public:
  using Fire = void (*)(Timer& self);
  explicit Timer(Fire fire) : fire_(fire) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { unlink(); }

 private:
  friend class TimerWheel;
  bool linked() const { return next_ != nullptr; }
  void unlink();
  void link_before(Timer& head);

  Timer* next_ = nullptr;
  Timer* previous_ = nullptr;
  std::uint64_t due_ = 0;    // tick at which it fires; 0: stopped
  std::uint64_t filed_ = 0;  // tick of the slot that it is filed in
  Fire fire_;
};

/// One coarse wheel a worker in place of a kernel timer an operation. Moving a deadline later,
/// which is what nearly every read and write does, is one store: the entry is filed anew only when
/// its old slot comes round.
class TimerWheel {
 public:
  static constexpr milliseconds tick{20};

  explicit TimerWheel(Clock::time_point now) : start_(now) {}

  /// Fires at `deadline` or up to two ticks later, never before.
  void set(Timer& timer, Clock::time_point deadline);
  void stop(Timer& timer) { timer.due_ = 0; }

  /// Fires what is due. Timers that fire may set, stop and destroy any timer.
  void advance(Clock::time_point now);

 private:
  static constexpr std::size_t slots = 512;  // about ten seconds; later ones are filed again
  std::uint64_t tick_of(Clock::time_point when) const;
  void file(Timer& timer);
  void turn_slot(Timer& head);

  struct Head : Timer {
    Head() : Timer(nullptr) {}
  };
  Clock::time_point start_;
  std::uint64_t now_ = 1;
  std::array<Head, slots> slots_;
};

}  // namespace hawser::net
