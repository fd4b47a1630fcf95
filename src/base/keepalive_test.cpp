#include "base/keepalive.hpp"

#include <gtest/gtest.h>

namespace hawser {
namespace {

using Step = Keepalive::Step;
const Clock::time_point start{1h};

TEST(Keepalive, CostsNothingWhereNoCallIsOpen) {
  Keepalive keepalive;
  EXPECT_EQ(keepalive.next(), Clock::time_point::max());
  EXPECT_EQ(keepalive.step(start + 24h), Step::wait);
  keepalive.begin(start, 2s, 2s);
  keepalive.end();
  EXPECT_EQ(keepalive.next(), Clock::time_point::max());
  EXPECT_EQ(keepalive.step(start + 24h), Step::wait);
}

TEST(Keepalive, SpeaksAsItPromised) {
  Keepalive keepalive;
  keepalive.begin(start, 2s, 0ms);
  EXPECT_EQ(keepalive.next(), start + 2s);
  EXPECT_EQ(keepalive.step(start + 1999ms), Step::wait);
  EXPECT_EQ(keepalive.step(start + 2s), Step::speak);
  EXPECT_EQ(keepalive.step(start + 2s), Step::wait);
  keepalive.said(start + 3s);
  EXPECT_EQ(keepalive.step(start + 4s), Step::wait);
  EXPECT_EQ(keepalive.step(start + 5s), Step::speak);
}

TEST(Keepalive, AsksOnceThenTakesTheConnectionForDeadWithinFiveSeconds) {
  Keepalive keepalive;
  keepalive.begin(start, 0ms, Keepalive::period);
  keepalive.heard(start + 1s);
  EXPECT_EQ(keepalive.step(start + 3499ms), Step::wait);
  EXPECT_EQ(keepalive.step(start + 3500ms), Step::probe);
  EXPECT_EQ(keepalive.step(start + 3500ms), Step::wait);
  EXPECT_EQ(keepalive.step(start + 5499ms), Step::wait);
  EXPECT_EQ(keepalive.step(start + 5500ms), Step::dead);
  EXPECT_LT(keepalive.next() - (start + 1s), 5s);
}

TEST(Keepalive, AnAnswerToTheProbeIsLife) {
  Keepalive keepalive;
  keepalive.begin(start, 0ms, 2s);
  EXPECT_EQ(keepalive.step(start + 2500ms), Step::probe);
  keepalive.heard(start + 2600ms);
  EXPECT_EQ(keepalive.step(start + 5s), Step::wait);
  EXPECT_EQ(keepalive.step(start + 5100ms), Step::probe);
}

TEST(Keepalive, WhoSleptAsksBeforeItJudges) {
  Keepalive keepalive;
  keepalive.begin(start, 0ms, 2s);
  EXPECT_EQ(keepalive.step(start + 1h), Step::probe);
  EXPECT_EQ(keepalive.step(start + 1h + 1s), Step::wait);
  EXPECT_EQ(keepalive.step(start + 1h + 2s), Step::dead);
}

TEST(Keepalive, APeerThatPromisedNothingIsNeverTakenForDead) {
  Keepalive keepalive;
  keepalive.begin(start, 2s, 0ms);
  for (int i = 1; i < 100; ++i) EXPECT_NE(keepalive.step(start + i * 1s), Step::dead);
}

TEST(Keepalive, AbsurdPromisesAreBounded) {
  Keepalive keepalive;
  keepalive.begin(start, 0ms, 1ms);
  EXPECT_EQ(keepalive.next(), start + Keepalive::probe_after(Keepalive::period_min));
  keepalive.begin(start, 0ms, std::chrono::hours(24 * 365));
  EXPECT_EQ(keepalive.next(), start + Keepalive::probe_after(Keepalive::period_max));
}

}  // namespace
}  // namespace hawser
