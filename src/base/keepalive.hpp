#pragma once

#include "base/clock.hpp"

namespace hawser {

/// How a connection that carries open calls is known to be alive. Both ends promise each other to
/// be heard from at least every `period` while calls are open; an end that does not hear what is
/// due asks for it once, and takes the connection for dead when that stays out too. Nothing is sent
/// and no timer runs while no call is open. Pure: the caller says what time it is.
class Keepalive {
 public:
  static constexpr milliseconds period{2'000};
  /// What is believed of a peer: less often would not be noticed in time, more often is a burden.
  static constexpr milliseconds period_min{100}, period_max{60'000};

  enum class Step : std::uint8_t {
    wait,   // nothing is due before next()
    speak,  // this end promised to be heard from, and said nothing for long
    probe,  // the peer is overdue: ask it
    dead,   // it did not answer
  };

  /// A call was opened where none was, or the connection was just made: what is due counts from
  /// here. @param heard_every  the peer's promise; 0: it made none
  void begin(Clock::time_point now, milliseconds speaks_every, milliseconds heard_every);
  /// No call is open any more.
  void end() { active_ = false; }
  bool active() const { return active_; }

  void heard(Clock::time_point now) {
    heard_ = now;
    probed_ = false;
  }
  void said(Clock::time_point now) { said_ = now; }

  /// What to do now; `speak` and `probe` count as said.
  Step step(Clock::time_point now);
  /// When to call step() again.
  Clock::time_point next() const;

  /// Silence behind which a peer that promised `every` is asked, and behind which it is dead.
  static constexpr milliseconds probe_after(milliseconds every) { return every + every / 4; }
  static constexpr milliseconds dead_after(milliseconds every) { return 2 * every + every / 4; }

 private:
  Clock::time_point heard_{};
  Clock::time_point said_{};
  milliseconds speaks_every_{0};
  milliseconds heard_every_{0};
  bool active_ = false;
  bool probed_ = false;
};
static_assert(Keepalive::dead_after(Keepalive::period) < milliseconds(5'000));

}  // namespace hawser
