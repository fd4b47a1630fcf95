#include "store/spend.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

namespace hawser::store {
namespace {

TEST(Spend, NeverPromisesMoreThanThereIs) {
  Spend spend;
  EXPECT_TRUE(spend.take(1, 60, 100));
  EXPECT_FALSE(spend.take(1, 41, 100));
  EXPECT_TRUE(spend.take(1, 40, 100));
  EXPECT_FALSE(spend.take(1, 0, 100));  // it is used up
  spend.adjust(1, -30);
  EXPECT_TRUE(spend.take(1, 30, 100));
  EXPECT_TRUE(spend.take(2, 100, 100));
  spend.adjust(1, -100);  // of a window that is over
  EXPECT_EQ(spend.spent(2), 100);
}

/// 3,500 answers that say they used 4e9 tokens of each kind, at the dearest price there is.
TEST(Spend, StaysAtTheLargestAmount) {
  Spend spend;
  EXPECT_TRUE(spend.take(1, 10, Spend::largest / 2));
  std::int64_t before = 0;
  for (int answer = 0; answer < 3'500; ++answer) {
    spend.adjust(1, Spend::largest / 3 - 10);
    EXPECT_GE(spend.spent(1), before);
    before = spend.spent(1);
  }
  EXPECT_EQ(spend.spent(1), Spend::largest);
  spend.adjust(1, -Spend::largest);
  EXPECT_EQ(spend.spent(1), Spend::largest);
  EXPECT_FALSE(spend.take(1, 0, Spend::largest / 2));
  EXPECT_FALSE(spend.take(1, 1, Spend::largest));
  EXPECT_TRUE(spend.take(2, 1, 10));  // the next window begins anew
}

TEST(Spend, IsNeverNegative) {
  Spend spend;
  spend.restore(1, -1'000);
  EXPECT_EQ(spend.spent(1), 0);
  spend.adjust(1, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(spend.spent(1), 0);
  EXPECT_TRUE(spend.take(1, 5, 5));
  EXPECT_FALSE(spend.take(1, 1, 5));
  EXPECT_FALSE(spend.take(1, Spend::largest, Spend::largest));
}

/// Whatever is taken and settled: between 0 and the largest, and `most` holds for what is taken.
TEST(Spend, HoldsAtTheExtremes) {
  std::mt19937_64 random(11);
  const std::int64_t edges[] = {
      0, 1, 1'000'000'000, Spend::largest / 2, Spend::largest - 1, Spend::largest};
  for (int round = 0; round < 2'000; ++round) {
    Spend spend;
    for (int step = 0; step < 20; ++step) {
      const std::int64_t amount = edges[random() % 6];
      const std::int64_t most = edges[random() % 6];
      const std::int64_t before = spend.spent(1);
      switch (random() % 3) {
        case 0:
          if (spend.take(1, amount, most)) {
            ASSERT_LE(spend.spent(1), most);
          } else {
            ASSERT_EQ(spend.spent(1), before);
          }
          break;
        case 1:
          spend.adjust(1, amount);
          ASSERT_GE(spend.spent(1), before);
          break;
        case 2:
          spend.adjust(1, -amount);
          break;
      }
      ASSERT_GE(spend.spent(1), 0);
    }
  }
}

TEST(Spend, WarnsOnceAWindowWhoeverAsks) {
  Spend spend;
  std::atomic<int> warnings{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 100; ++n) warnings += spend.first_warning(5) ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(warnings, 1);
  EXPECT_TRUE(spend.first_warning(6));
  EXPECT_FALSE(spend.first_warning(5));
}

TEST(Spend, AClockThatJumpsAndComesBackForgetsNothing) {
  Spend spend;
  EXPECT_TRUE(spend.take(10, 90, 100));
  EXPECT_TRUE(spend.take(40, 50, 100));
  spend.adjust(10, 5);  // a call that began before
  EXPECT_FALSE(spend.take(10, 10, 100));
  EXPECT_EQ(spend.spent(10), 95);
  EXPECT_TRUE(spend.take(10, 5, 100));
  EXPECT_FALSE(spend.take(40, 60, 100));
  EXPECT_EQ(spend.spent(40), 50);
}

}  // namespace
}  // namespace hawser::store
