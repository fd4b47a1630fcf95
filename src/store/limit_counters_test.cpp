#include "store/limit_counters.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace hawser::store {
namespace {

std::string name_of(const char* limit, int user) {
  return std::string(limit) + '\0' + std::to_string(user);
}

// Names come from clients: a new one for each request must neither grow without end nor escape.
TEST(LimitCounters, BeyondTheirNumberThoseWhoComeNewShareOne) {
  LimitCounters counters(160);
  const auto now = Clock::now();
  std::vector<LimitCounterPtr> in_use;
  for (int i = 0; i < 10'000; ++i) in_use.push_back(counters.at(name_of("per-user", i), now));
  EXPECT_LE(counters.size(), 176u);
  std::set<const LimitCounter*> different;
  for (const auto& counter : in_use) different.insert(counter.get());
  EXPECT_LE(different.size(), 176u + 16u);
  EXPECT_EQ(counters.at(name_of("per-user", 3), now), in_use[3]) << "who was first keeps his own";
  EXPECT_NE(counters.at(name_of("other", 20'000), now),
            counters.at(name_of("per-user", 20'000), now));
}

TEST(LimitCounters, IdleOnesMakeRoom) {
  LimitCounters counters(160);
  const auto now = Clock::now();
  for (int i = 0; i < 10'000; ++i) {
    counters.at(name_of("per-user", i), now + std::chrono::seconds(2 * i));
  }
  EXPECT_LE(counters.size(), 176u);
  const auto late = now + std::chrono::hours(24);
  const auto own = counters.at(name_of("per-user", 777'777), late);
  const auto others = counters.at(name_of("per-user", 888'888), late + std::chrono::seconds(2));
  EXPECT_NE(own, others);
}

}  // namespace
}  // namespace hawser::store
