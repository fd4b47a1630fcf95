#include "stage/admit/fair_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <vector>

namespace hawser::stage::admit {
namespace {

using Queue = FairQueue<std::string>;

std::string take(Queue& queue) {
  std::string item = *queue.front();
  queue.pop();
  return item;
}

TEST(FairQueue, ATenantAloneIsServedInOrder) {
  Queue queue;
  for (const auto* item : {"a", "b", "c"}) queue.push("t", 1, Priority::normal, 5, item);
  std::string order;
  for (int i = 0; i < 3; ++i) order += take(queue);
  EXPECT_EQ(order, "abc");
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.front(), nullptr);
}

TEST(FairQueue, AHeavyTenantDoesNotHoldUpALightOne) {
  Queue queue;
  for (int i = 0; i < 100; ++i) queue.push("heavy", 1, Priority::normal, 100, "h");
  queue.push("light", 1, Priority::normal, 10, "l");
  std::string order;
  for (int i = 0; i < 3; ++i) order += take(queue);
  EXPECT_NE(order.find('l'), std::string::npos) << order;
}

TEST(FairQueue, WeightsShareWhatThereIs) {
  Queue queue;
  for (int i = 0; i < 400; ++i) {
    queue.push("three", 3, Priority::normal, 10, "3");
    queue.push("one", 1, Priority::normal, 10, "1");
  }
  std::string order;
  for (int i = 0; i < 400; ++i) order += take(queue);
  EXPECT_NEAR(static_cast<double>(std::count(order.begin(), order.end(), '3')), 300, 3);
}

TEST(FairQueue, WhoComesBackGetsNoCreditForItsAbsence) {
  Queue queue;
  queue.push("late", 1, Priority::normal, 1, "l");
  take(queue);
  for (int i = 0; i < 100; ++i) queue.push("steady", 1, Priority::normal, 10, "s");
  for (int i = 0; i < 50; ++i) take(queue);
  for (int i = 0; i < 50; ++i) queue.push("late", 1, Priority::normal, 10, "l");
  std::string order;
  for (int i = 0; i < 20; ++i) order += take(queue);
  EXPECT_NEAR(static_cast<double>(std::count(order.begin(), order.end(), 'l')), 10, 2);
}

TEST(FairQueue, TheLowestPriorityGetsOneTurnInTen) {
  Queue queue;
  for (int i = 0; i < 200; ++i) {
    queue.push("a", 1, Priority::high, 1, "h");
    queue.push("b", 1, Priority::low, 1, "l");
  }
  std::string order;
  for (int i = 0; i < 100; ++i) order += take(queue);
  EXPECT_EQ(std::count(order.begin(), order.end(), 'l'), 10);
}

/// One server of a fixed rate; one tenant asks ten times what it gives, nine ask little.
TEST(FairQueue, OneHeavyAndNineLightTenantsTheLightWaitNoMoreThanTwiceAlone) {
  const auto light_p99 = [](bool with_heavy) {
    Queue queue;
    std::vector<double> waits;
    std::map<std::string, double> asked;
    std::mt19937 random(3);
    int number = 0;
    for (double now = 0; now < 20'000; now += 1) {  // one turn a tick
      if (with_heavy) {
        for (int i = 0; i < 10; ++i) {
          if (queue.waiting_of("heavy", Priority::normal) < 200) {
            queue.push("heavy", 1, Priority::normal, 1, "heavy");
          }
        }
      }
      for (int light = 0; light < 9; ++light) {
        if (random() % 100 >= 6) continue;  // together half of what it gives, as it happens
        const std::string name = "light" + std::to_string(light);
        const std::string item = name + "#" + std::to_string(++number);
        asked[item] = now;
        queue.push(name, 1, Priority::normal, 1, item);
      }
      if (queue.empty()) continue;
      const std::string served = take(queue);
      if (served != "heavy") waits.push_back(now - asked[served] + 1);
    }
    std::sort(waits.begin(), waits.end());
    return waits[waits.size() * 99 / 100];
  };
  const double alone = light_p99(false);
  const double beside = light_p99(true);
  EXPECT_LE(beside, 2 * alone);
  std::printf(
      "figure: p99 wait of nine light tenants beside a heavy one: %.2f of what it is alone "
      "(required 2)\n",
      beside / alone);
}

}  // namespace
}  // namespace hawser::stage::admit
