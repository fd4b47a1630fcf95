#include "health/breaker.hpp"

#include <gtest/gtest.h>

namespace hawser::health {
namespace {

const Clock::time_point start{1h};

TEST(Breaker, OpensAfterSoManyFailuresInARow) {
  Breaker breaker;
  const HealthConfig config;
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(breaker.failed(start, config));
  EXPECT_TRUE(breaker.admit(start, config));
  EXPECT_TRUE(breaker.failed(start, config));
  EXPECT_FALSE(breaker.admit(start + 4s, config));
  EXPECT_EQ(breaker.look().until, start + 5s);
}

TEST(Breaker, OpensWhenTheShareOfFailuresIsHigh) {
  Breaker breaker;
  const HealthConfig config;
  // Every second one fails: never five in a row.
  bool opened = false;
  for (int i = 0; i < 10 && !opened; ++i) {
    breaker.succeeded(start + i * 1s);
    opened = breaker.failed(start + i * 1s, config);
    EXPECT_EQ(opened, i == 4) << i;  // ten tries, half of them failures
  }
  EXPECT_TRUE(opened);
}

TEST(Breaker, ForgetsWhatIsLongerAgo) {
  Breaker breaker;
  const HealthConfig config;
  for (int i = 0; i < 4; ++i) {
    breaker.failed(start, config);
    breaker.succeeded(start);
  }
  EXPECT_FALSE(breaker.failed(start + 40s, config));
}

TEST(Breaker, LetsOneThroughAPause) {
  Breaker breaker;
  const HealthConfig config;
  for (int i = 0; i < 5; ++i) breaker.failed(start, config);
  EXPECT_TRUE(breaker.admit(start + 5s, config));
  EXPECT_FALSE(breaker.admit(start + 5s, config));
  EXPECT_FALSE(breaker.admit(start + 9s, config));
  EXPECT_TRUE(breaker.admit(start + 10s, config));  // it was never told how the first one went
}

TEST(Breaker, DoublesItsPauseUpToABound) {
  Breaker breaker;
  const HealthConfig config;
  for (int i = 0; i < 5; ++i) breaker.failed(start, config);
  auto now = start;
  for (const auto pause : {5s, 10s, 20s, 40s, 60s, 60s}) {
    EXPECT_EQ(breaker.look().until - now, pause);
    now = breaker.look().until;
    ASSERT_TRUE(breaker.admit(now, config));
    breaker.failed(now, config);
  }
}

TEST(Breaker, IsClosedByTheTryThatSucceeds) {
  Breaker breaker;
  const HealthConfig config;
  for (int i = 0; i < 5; ++i) breaker.failed(start, config);
  ASSERT_TRUE(breaker.admit(start + 5s, config));
  EXPECT_TRUE(breaker.succeeded(start + 5s));
  EXPECT_FALSE(breaker.look().open);
  EXPECT_FALSE(breaker.failed(start + 6s, config));  // what was before counts no more
}

TEST(Breaker, TakesNoNoticeOfTriesFromBeforeItOpened) {
  Breaker breaker;
  const HealthConfig config;
  for (int i = 0; i < 5; ++i) breaker.failed(start, config);
  EXPECT_FALSE(breaker.failed(start + 1s, config));
  EXPECT_EQ(breaker.look().until, start + 5s);
}

}  // namespace
}  // namespace hawser::health
