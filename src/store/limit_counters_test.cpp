#include "store/limit_counters.hpp"

#include <gtest/gtest.h>

#include <set>

namespace hawser::store {
namespace {

constexpr std::size_t most = 1600;

CounterName outside(const std::string& key, int user) {
  return {"limit " + key + " " + std::to_string(user), "others " + key};
}

/// What must not be forgotten: money that was spent in a window that goes on.
void spend(LimitCounters& counters, const CounterName& name, std::int64_t amount) {
  const auto end = std::chrono::system_clock::now() + std::chrono::hours(24);
  counters.at(name, Clock::now())->spend.take(1, amount, 1'000'000, end);
}

TEST(LimitCounters, NamesFromOutsideAreBounded) {
  LimitCounters counters(most);
  for (int i = 0; i < 200'000; ++i) spend(counters, outside("mallory", i), 1);
  EXPECT_LE(counters.size(), most / 4 + 32);
  // Nothing that was spent is lost: what has no counter of its own is in the shared one.
  const auto now = Clock::now();
  std::set<LimitCounter*> seen;
  std::int64_t sum = 0;
  for (int i = 0; i < 200'000; ++i) {
    const auto counter = counters.at(outside("mallory", i), now);
    if (seen.insert(counter.get()).second) sum += counter->spend.spent(1);
  }
  EXPECT_EQ(sum, 200'000);
}

TEST(LimitCounters, TheFloodOfOneKeyLeavesRoomForOthers) {
  LimitCounters counters(most);
  for (int i = 0; i < 50'000; ++i) spend(counters, outside("mallory", i), 1);
  const auto now = Clock::now();
  std::set<LimitCounter*> own;
  for (int i = 0; i < 100; ++i) {
    spend(counters, outside("alice", i), 1);
    own.insert(counters.at(outside("alice", i), now).get());
  }
  EXPECT_EQ(own.size(), 100u);
}

TEST(LimitCounters, NamesOfTheConfigurationAlwaysHaveTheirOwn) {
  LimitCounters counters(most);
  for (int key = 0; key < 8; ++key) {
    for (int i = 0; i < 10'000; ++i) spend(counters, outside("m" + std::to_string(key), i), 1);
  }
  const auto now = Clock::now();
  std::set<LimitCounter*> own;
  for (int i = 0; i < 5000; ++i) {
    own.insert(counters.at("tenant " + std::to_string(i), now).get());
    spend(counters, CounterName{"tenant " + std::to_string(i), {}}, 1);
  }
  EXPECT_EQ(own.size(), 5000u);
  EXPECT_LE(counters.size(), most + 32 + 5000 + 8 * 16);
}

TEST(LimitCounters, IdleOnesMakeRoom) {
  LimitCounters counters(most);
  auto now = Clock::now();
  const auto yesterday = std::chrono::system_clock::now() - std::chrono::hours(24);
  for (int round = 0; round < 20; ++round, now += std::chrono::seconds(2)) {
    std::set<LimitCounterPtr> own;
    for (int i = 0; i < 200; ++i) {
      const auto counter = counters.at(outside("alice", round * 200 + i), now);
      counter->spend.take(1, 1, 10, yesterday);  // its window is over
      own.insert(counter);
    }
    EXPECT_GE(own.size(), 190u) << round;
  }
  EXPECT_LE(counters.size(), most + 32);
}

TEST(LimitCounters, AWorkerRemembersNoMoreThanAShare) {
  LimitCounters counters(most);
  KnownCounters known(counters);
  const auto now = Clock::now();
  for (int i = 0; i < 10'000; ++i) known.at(outside("mallory", i), now);
  EXPECT_LE(counters.size(), most / 4 + 32);
  EXPECT_LE(counters.known_max(), most / 16 + 1);
}

}  // namespace
}  // namespace hawser::store
