#include "base/keepalive.hpp"

#include <algorithm>

namespace hawser {

void Keepalive::begin(Clock::time_point now, milliseconds speaks_every, milliseconds heard_every) {
  speaks_every_ = speaks_every;
  heard_every_ =
      heard_every > 0ms ? std::clamp(heard_every, period_min, period_max) : milliseconds(0);
  heard_ = said_ = now;
  probed_ = false;
  active_ = speaks_every_ > 0ms || heard_every_ > 0ms;
}

Keepalive::Step Keepalive::step(Clock::time_point now) {
  if (!active_) return Step::wait;
  if (heard_every_ > 0ms) {
    const auto silence = now - heard_;
    if (probed_ && silence >= dead_after(heard_every_)) return Step::dead;
    if (!probed_ && silence >= probe_after(heard_every_)) {
      probed_ = true;
      said_ = now;
      // Who could not look for so long (the machine slept, the loop was busy) gives the peer the
      // time of an answer before it judges.
      heard_ = std::max<Clock::time_point>(heard_, now - probe_after(heard_every_));
      return Step::probe;
    }
  }
  if (speaks_every_ > 0ms && now - said_ >= speaks_every_) {
    said_ = now;
    return Step::speak;
  }
  return Step::wait;
}

Clock::time_point Keepalive::next() const {
  auto next = Clock::time_point::max();
  if (!active_) return next;
  if (heard_every_ > 0ms) {
    next = heard_ + (probed_ ? dead_after(heard_every_) : probe_after(heard_every_));
  }
  if (speaks_every_ > 0ms) next = std::min<Clock::time_point>(next, said_ + speaks_every_);
  return next;
}

}  // namespace hawser
