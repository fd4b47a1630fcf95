#include "net/timer_wheel.hpp"

#include <algorithm>

namespace hawser::net {

void Timer::unlink() {
  if (!linked()) return;
  previous_->next_ = next_;
  next_->previous_ = previous_;
  next_ = previous_ = nullptr;
}

void Timer::link_before(Timer& head) {
  if (head.next_ == nullptr) head.next_ = head.previous_ = &head;
  next_ = &head;
  previous_ = head.previous_;
  previous_->next_ = this;
  head.previous_ = this;
}

std::uint64_t TimerWheel::tick_of(Clock::time_point when) const {
  if (when <= start_) return 1;
  return static_cast<std::uint64_t>((when - start_) / tick) + 1;
}

void TimerWheel::set(Timer& timer, Clock::time_point deadline) {
  timer.due_ = std::max(tick_of(deadline) + 1, now_ + 1);
  if (!timer.linked() || timer.due_ < timer.filed_) file(timer);
}

void TimerWheel::file(Timer& timer) {
  timer.unlink();
  timer.filed_ = std::min(timer.due_, now_ + slots - 1);
  timer.link_before(slots_[timer.filed_ % slots]);
}

void TimerWheel::advance(Clock::time_point now) {
  const std::uint64_t until = tick_of(now);
  // After a long sleep one turn of the wheel visits every slot.
  if (until > now_ + slots) now_ = until - slots;
  while (now_ < until) {
    ++now_;
    turn_slot(slots_[now_ % slots]);
  }
}

void TimerWheel::turn_slot(Timer& head) {
  if (head.next_ == nullptr) return;
  // Take the whole slot first: what fires may file into this same slot.
  Head taken;
  while (head.next_ != &head) {
    Timer& timer = *head.next_;
    timer.unlink();
    timer.link_before(taken);
  }
  while (taken.next_ != nullptr && taken.next_ != &taken) {
    Timer& timer = *taken.next_;
    timer.unlink();
    if (timer.due_ == 0) continue;
    if (timer.due_ > now_) {
      file(timer);
      continue;
    }
    timer.due_ = 0;
    timer.fire_(timer);
  }
  taken.next_ = taken.previous_ = nullptr;
}

}  // namespace hawser::net
