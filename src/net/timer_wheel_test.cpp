#include "net/timer_wheel.hpp"

#include <gtest/gtest.h>

namespace hawser::net {
namespace {

struct Counted : Timer {
  Counted() : Timer([](Timer& self) { ++static_cast<Counted&>(self).fired; }) {}
  int fired = 0;
};
const Clock::time_point start{1h};

TEST(TimerWheel, FiresAfterTheDeadlineAndNotBefore) {
  for (const auto delay : {1ms, 20ms, 500ms, 9'000ms, 60'000ms, 3'600'000ms}) {
    TimerWheel wheel(start);
    Counted counted;
    wheel.set(counted, start + delay);
    for (auto now = start; now < start + delay; now += 10ms) wheel.advance(now);
    EXPECT_EQ(counted.fired, 0) << delay.count();
    wheel.advance(start + delay + 2 * TimerWheel::tick);
    EXPECT_EQ(counted.fired, 1) << delay.count();
  }
}

TEST(TimerWheel, AMovedDeadlineFiresOnce) {
  TimerWheel wheel(start);
  Counted counted;
  wheel.set(counted, start + 100ms);
  wheel.set(counted, start + 1s);
  wheel.advance(start + 500ms);
  EXPECT_EQ(counted.fired, 0);
  wheel.set(counted, start + 600ms);  // earlier again
  wheel.advance(start + 700ms);
  EXPECT_EQ(counted.fired, 1);
  wheel.advance(start + 20s);
  EXPECT_EQ(counted.fired, 1);
}

TEST(TimerWheel, AStoppedOrDestroyedTimerIsSilent) {
  TimerWheel wheel(start);
  Counted stopped;
  wheel.set(stopped, start + 100ms);
  wheel.stop(stopped);
  {
    Counted gone;
    wheel.set(gone, start + 100ms);
  }
  wheel.advance(start + 1s);
  EXPECT_EQ(stopped.fired, 0);
}

TEST(TimerWheel, WhatFiresMaySetItselfAgain) {
  TimerWheel wheel(start);
  struct Again : Timer {
    explicit Again(TimerWheel& on)
        : Timer([](Timer& self) { static_cast<Again&>(self).fire(); }), wheel(on) {}
    void fire() {
      if (++fired < 3) wheel.set(*this, start + 100ms);
    }
    TimerWheel& wheel;
    int fired = 0;
  } again(wheel);
  wheel.set(again, start + 100ms);
  for (auto now = start; now < start + 1s; now += 10ms) wheel.advance(now);
  EXPECT_EQ(again.fired, 3);
}

}  // namespace
}  // namespace hawser::net
