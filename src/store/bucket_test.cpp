#include "store/bucket.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <random>
#include <thread>

namespace hawser::store {
namespace {

using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr Clock::time_point start{std::chrono::hours(1000)};

TEST(Bucket, ABurstPassesAtOnceThenTheRateHolds) {
  const Pace pace{.amount = 5, .period = seconds(1), .burst = 10};
  Bucket bucket;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(bucket.take(pace, 1, start).taken);
  const auto refused = bucket.take(pace, 1, start);
  EXPECT_FALSE(refused.taken);
  EXPECT_EQ(refused.wait, milliseconds(200));
  EXPECT_FALSE(bucket.take(pace, 1, start + milliseconds(199)).taken);
  EXPECT_TRUE(bucket.take(pace, 1, start + milliseconds(200)).taken);
}

TEST(Bucket, WhatIsAnnouncedIsTrueToTheNanosecond) {
  const Pace pace{.amount = 7, .period = minutes(1), .burst = 3};
  Bucket bucket;
  while (bucket.take(pace, 1, start).taken) continue;
  const auto wait = bucket.take(pace, 2, start).wait;
  EXPECT_FALSE(bucket.take(pace, 2, start + wait - nanoseconds(1)).taken);
  EXPECT_TRUE(bucket.take(pace, 2, start + wait).taken);
}

TEST(Bucket, FiveRequestsOf175TokensAtOnceOn100AMinuteAreFiveTooMany) {
  const Pace pace{.amount = 100, .period = minutes(1), .burst = 100};
  Bucket bucket;
  for (int i = 0; i < 5; ++i) {
    const auto verdict = bucket.take(pace, 175, start);
    EXPECT_FALSE(verdict.taken);
    EXPECT_EQ(verdict.wait, Clock::duration::max());
  }
  const Pace wider{.amount = 400, .period = minutes(1), .burst = 400};
  int passed = 0;
  for (int i = 0; i < 5; ++i) passed += bucket.take(wider, 175, start).taken ? 1 : 0;
  EXPECT_EQ(passed, 2);
}

TEST(Bucket, WhatIsGivenBackCanBeTakenAgainAndNoMore) {
  const Pace pace{.amount = 1000, .period = minutes(1), .burst = 1000};
  Bucket bucket;
  ASSERT_TRUE(bucket.take(pace, 900, start).taken);
  bucket.give(pace, 700);
  EXPECT_EQ(bucket.left(pace, start), 800u);
  EXPECT_TRUE(bucket.take(pace, 800, start).taken);
  EXPECT_FALSE(bucket.take(pace, 1, start).taken);
  // Given back when it is full already: a bucket never holds more than its burst.
  bucket.give(pace, 800);
  bucket.give(pace, 200);
  EXPECT_EQ(bucket.left(pace, start + minutes(5)), 1000u);
}

TEST(Bucket, AWrongEstimateBecomesADebtOfOneBurstAtMost) {
  const Pace pace{.amount = 100, .period = minutes(1), .burst = 100};
  Bucket bucket;
  bucket.charge(pace, 100'000, start);
  EXPECT_EQ(bucket.left(pace, start), 0u);
  EXPECT_FALSE(bucket.take(pace, 1, start + minutes(1)).taken);
  EXPECT_TRUE(bucket.take(pace, 1, start + minutes(1) + seconds(1)).taken);
}

TEST(Bucket, AClockThatIsSetBackDoesNotShutItForLong) {
  const Pace pace{.amount = 10, .period = seconds(1), .burst = 10};
  Bucket bucket;
  for (int i = 0; i < 10; ++i) bucket.take(pace, 1, start + std::chrono::hours(1));
  EXPECT_FALSE(bucket.take(pace, 1, start).taken);
  EXPECT_TRUE(bucket.take(pace, 1, start + milliseconds(100)).taken ||
              bucket.take(pace, 1, start + seconds(1)).taken);
}

/// The oracle: every unit that passed, with its time. No interval may hold more than the limit.
class SlidingLog {
 public:
  explicit SlidingLog(const Pace& pace) : pace_(pace) {}
  void add(Clock::time_point when, std::uint64_t units) {
    events_.push_back({when, units});
    total_ += units;
  }
  std::uint64_t total() const { return total_; }
  /// Over all intervals that begin and end with an event.
  bool held() const {
    for (std::size_t from = 0; from < events_.size(); ++from) {
      std::uint64_t sum = 0;
      for (std::size_t to = from; to < events_.size(); ++to) {
        sum += events_[to].units;
        const auto length = (events_[to].when - events_[from].when).count();
        const auto most = static_cast<double>(pace_.burst) +
                          static_cast<double>(length) * static_cast<double>(pace_.amount) /
                              static_cast<double>(pace_.period.count());
        if (static_cast<double>(sum) > most + 1e-6) return false;
      }
    }
    return true;
  }

 private:
  struct Event {
    Clock::time_point when;
    std::uint64_t units;
  };
  Pace pace_;
  std::vector<Event> events_;
  std::uint64_t total_ = 0;
};

/// `now` is what a clock says that is set back and forth meanwhile. Time that it skips has passed
/// for a limit too; time that it repeats has not.
TEST(Bucket, AgainstASlidingLogAThousandTenantsPassNoMoreAndHardlyLess) {
  std::mt19937_64 random(7);
  std::uint64_t passed = 0;
  int steps = 0;
  for (int tenant = 0; tenant < 1000; ++tenant) {
    const Pace pace{.amount = 1 + random() % 5000,
                    .period = tenant % 2 == 0 ? Clock::duration(minutes(1)) : seconds(1),
                    .burst = 50 + random() % 500};
    Bucket bucket;
    SlidingLog log(pace);
    auto now = start, clock = start;
    const auto mean = std::max<std::int64_t>(pace.time_of(8) / 2, 1);  // demand of twice the rate
    for (int i = 0; i < 300; ++i) {
      const auto pause = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(2 * mean));
      const nanoseconds gone(random() % 20 == 0 ? 10 * pause : pause);  // and bursts
      now += gone;
      clock += gone;
      if (random() % 50 == 0) {
        const nanoseconds step(static_cast<std::int64_t>(random() % 40) * mean);
        const bool ahead = random() % 2 == 0;
        if (ahead) now += step;
        clock += ahead ? step : -step;
        ++steps;
      }
      const std::uint64_t units = 1 + random() % 16;
      if (bucket.take(pace, units, clock).taken) log.add(now, units);
    }
    passed += log.total();
    ASSERT_TRUE(log.held()) << tenant;
  }
  std::printf(
      "figure: 1,000 tenants, %d steps of the clock: %llu units passed, none above the limit\n",
      steps, static_cast<unsigned long long>(passed));
}

TEST(Bucket, WhatIsAllowedIsUsedWhenAsked) {
  std::mt19937_64 random(11);
  double least = 1;
  for (int round = 0; round < 100; ++round) {
    const Pace pace{.amount = 10'000 + random() % 100'000, .period = minutes(1), .burst = 5'000};
    Bucket bucket;
    std::uint64_t passed = 0;
    auto now = start;
    const auto end = start + minutes(10);
    while (now < end) {
      const std::uint64_t units = 1 + random() % 400;
      if (bucket.take(pace, units, now).taken) passed += units;
      now += nanoseconds(random() % static_cast<std::uint64_t>(pace.time_of(200)));
    }
    const double allowed = static_cast<double>(pace.amount) * 10 + static_cast<double>(pace.burst);
    EXPECT_LE(static_cast<double>(passed), allowed);
    EXPECT_GE(static_cast<double>(passed), 0.98 * allowed);
    least = std::min(least, static_cast<double>(passed) / allowed);
  }
  std::printf("figure: of what is allowed at least %.2f %% is used when asked (required 98 %%)\n",
              100 * least);
}

TEST(Bucket, ThreadsTogetherPassNoMore) {
  const Pace pace{.amount = 1, .period = std::chrono::hours(1), .burst = 10'000};
  Bucket bucket;
  std::atomic<std::uint64_t> passed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5'000; ++i) passed += bucket.take(pace, 1, start).taken ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(passed, 10'000u);
}

TEST(Places, AreTakenByOneAtATime) {
  Places places;
  EXPECT_TRUE(places.take(2));
  EXPECT_TRUE(places.take(2));
  EXPECT_FALSE(places.take(2));
  places.give();
  EXPECT_TRUE(places.take(2));
  EXPECT_EQ(places.taken(), 2u);
}

}  // namespace
}  // namespace hawser::store
