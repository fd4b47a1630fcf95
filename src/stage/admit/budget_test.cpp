#include "stage/admit/budget.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "store/limit_counters.hpp"

namespace hawser::stage::admit {
namespace {

using namespace std::chrono;

TEST(Window, DaysAndMonthsOfUtc) {
  const system_clock::time_point now = sys_days(2024y / 12 / 31) + 23h + 59min;
  const auto day = window_at(Period::day, now);
  EXPECT_EQ(day.begin, sys_days(2024y / 12 / 31));
  EXPECT_EQ(day.end, sys_days(2025y / 1 / 1));
  EXPECT_EQ(window_at(Period::day, now + 2min).number, day.number + 1);
  const auto month = window_at(Period::month, now);
  EXPECT_EQ(month.begin, sys_days(2024y / 12 / 1));
  EXPECT_EQ(month.end, sys_days(2025y / 1 / 1));
  EXPECT_EQ(window_at(Period::month, now + 2min).number, month.number + 1);
}

TEST(Spend, AThousandAtTheEdgeOvershootByNone) {
  store::Spend spend;
  std::atomic<int> passed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 10; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) passed += spend.take(1, 7, 100) ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(passed, 14);
  EXPECT_EQ(spend.spent(1), 98);
}

TEST(Spend, CountersAreForgottenBehindTheirWindow) {
  store::LimitCounters counters(16);
  const auto now = Clock::now();
  const auto yesterday = system_clock::now() - hours(24);
  for (int i = 0; i < 1000; ++i) {
    // A full table is swept once a second.
    counters.at("past " + std::to_string(i), now + milliseconds(10 * i))
        ->spend.take(1, 7, 100, yesterday);
  }
  EXPECT_LT(counters.size(), 200u);
  for (int i = 0; i < 1000; ++i) {
    counters.at("now " + std::to_string(i), now)
        ->spend.take(1, 7, 100, system_clock::now() + hours(24));
  }
  int kept = 0;
  for (int i = 0; i < 1000; ++i) {
    kept += counters.at("now " + std::to_string(i), now)->spend.spent(1) == 7 ? 1 : 0;
  }
  EXPECT_EQ(kept, 1000);
}

TEST(Spend, NothingTurnsBackByOneWindow) {
  store::Spend spend;
  EXPECT_TRUE(spend.take(2, 90, 100));
  EXPECT_FALSE(spend.take(1, 20, 100));  // of a thread that read the time just before midnight
  EXPECT_EQ(spend.spent(2), 90);
}

TEST(Spend, ANewWindowBeginsAtNothing) {
  store::Spend spend;
  EXPECT_TRUE(spend.take(1, 90, 100));
  EXPECT_FALSE(spend.take(1, 20, 100));
  spend.adjust(1, -50);
  EXPECT_TRUE(spend.take(1, 20, 100));
  EXPECT_TRUE(spend.take(2, 90, 100));
  spend.adjust(1, -1000);  // of a window that is past
  EXPECT_EQ(spend.spent(2), 90);
}

}  // namespace
}  // namespace hawser::stage::admit
