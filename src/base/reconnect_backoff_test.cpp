#include "base/reconnect_backoff.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace hawser {
namespace {

using Need = ReconnectBackoff::Need;

TEST(ReconnectBackoff, BeginsAtOnceAndDoublesToASecond) {
  ReconnectBackoff backoff;
  const milliseconds expected[] = {0ms, 25ms, 50ms, 100ms, 200ms, 400ms, 500ms, 500ms};
  for (const auto wait : expected) EXPECT_EQ(backoff.next(0.5), wait);
}

TEST(ReconnectBackoff, ProgressForgetsTheFailuresBeforeIt) {
  ReconnectBackoff backoff;
  for (int i = 0; i < 10; ++i) backoff.next(0.5);
  EXPECT_EQ(backoff.failures(), 10u);
  backoff.progress();
  EXPECT_EQ(backoff.failures(), 0u);
  EXPECT_EQ(backoff.next(0.99), 0ms);
}

TEST(ReconnectBackoff, IsSlowerOnlyWhereNobodyWaits) {
  ReconnectBackoff backoff;
  EXPECT_EQ(backoff.next(0.5, Need::nobody_waits), 500ms);
  EXPECT_EQ(backoff.next(0.5, Need::nobody_waits), 1000ms);
  for (int i = 0; i < 10; ++i) backoff.next(0.5, Need::nobody_waits);
  EXPECT_EQ(backoff.next(0.5, Need::nobody_waits), 15'000ms);
  EXPECT_EQ(backoff.next(0.5), 500ms) << "a call that comes now waits for a second at most";
}

TEST(ReconnectBackoff, StaysWithinItsBoundsWhateverTheChance) {
  for (const double random : {-1.0, 0.0, 0.25, 0.999999, 1.0, 7.0}) {
    ReconnectBackoff backoff;
    for (int i = 0; i < 100; ++i) {
      const auto wait = backoff.next(random);
      EXPECT_GE(wait, 0ms);
      EXPECT_LE(wait, ReconnectBackoff::most * 3 / 4);
    }
  }
}

/// Paths that are away for up to `outage_max`, each tried as the policy says, tries being free.
/// @return how long behind its coming back each is found again, in order
std::vector<milliseconds> found_behind(milliseconds outage_max) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> chance(0, 1);
  std::vector<milliseconds> late;
  for (int path = 0; path < 4000; ++path) {
    const milliseconds back(
        static_cast<milliseconds::rep>(chance(random) * static_cast<double>(outage_max.count())));
    ReconnectBackoff backoff;
    milliseconds now = backoff.next(chance(random));
    while (now < back) now += std::max(backoff.next(chance(random)), 1ms);
    late.push_back(now - back);
  }
  std::sort(late.begin(), late.end());
  return late;
}

TEST(ReconnectBackoff, IsBackSoonBehindAPathThatIsThereAgain) {
  for (const milliseconds outage : {100ms, 1'000ms, 10'000ms, 60'000ms}) {
    SCOPED_TRACE(outage.count());
    const auto late = found_behind(outage);
    EXPECT_LT(late[late.size() / 2], 300ms);
    EXPECT_LT(late[late.size() * 95 / 100], 1'000ms);
  }
}

}  // namespace
}  // namespace hawser
