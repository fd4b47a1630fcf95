#include "net/byte_budget.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

namespace hawser::net {
namespace {

constexpr std::uint64_t mib = 1024 * 1024;

struct Memory {
  explicit Memory(const ByteLimits& limits) {
    process.set_limits(limits);
    worker.configure(limits);
  }
  ProcessBytes process;
  WorkerBytes worker{process};
};

TEST(ByteLease, SaysWhichBoundRefused) {
  Memory memory(
      {.process = 10 * mib, .per_key = 4 * mib, .per_connection = 2 * mib, .logs = 5 * mib});
  ConnectionBytes one, other, third;
  auto lease = memory.worker.lease(MemoryKind::request_body, "t", "k", &one);
  ASSERT_TRUE(lease.grow(2 * mib));
  const auto by_connection = lease.grow(1);
  ASSERT_FALSE(by_connection);
  EXPECT_EQ(by_connection.error().code, Code::overloaded);
  EXPECT_EQ(by_connection.error().status, 503);
  EXPECT_NE(by_connection.error().message.find("limits.memory.per_connection"), std::string::npos);

  auto second = memory.worker.lease(MemoryKind::request_body, "t", "k", &other);
  ASSERT_TRUE(second.grow(2 * mib));
  auto of_key = memory.worker.lease(MemoryKind::request_body, "t", "k", &third);
  const auto by_key = of_key.grow(1);
  ASSERT_FALSE(by_key);
  EXPECT_EQ(by_key.error().code, Code::rate_limit);
  EXPECT_NE(by_key.error().message.find("limits.memory.per_key"), std::string::npos);

  auto log = memory.worker.lease(MemoryKind::generation_log, "", "");
  ASSERT_TRUE(log.grow(5 * mib));
  const auto by_logs = log.grow(1);
  ASSERT_FALSE(by_logs);
  EXPECT_NE(by_logs.error().message.find("generations.memory_max"), std::string::npos);
  auto queue = memory.worker.lease(MemoryKind::queue, "", "");
  ASSERT_TRUE(queue.grow(mib));
  const auto by_process = queue.grow(1);
  ASSERT_FALSE(by_process);
  EXPECT_EQ(by_process.error().code, Code::overloaded);
  EXPECT_NE(by_process.error().message.find("limits.memory.process"), std::string::npos);

  EXPECT_EQ(memory.worker.in_use(MemoryKind::request_body), 4 * mib);
  EXPECT_EQ(memory.worker.in_use(MemoryKind::generation_log), 5 * mib);
  for (const auto bound :
       {MemoryBound::process, MemoryBound::key, MemoryBound::connection, MemoryBound::logs}) {
    EXPECT_EQ(memory.worker.refused(bound), 1u) << name_of(bound);
  }
}

TEST(ByteLease, OfOtherKeysAndConnectionsIsNotConcerned) {
  Memory memory({.process = 10 * mib, .per_key = 2 * mib, .per_connection = 2 * mib});
  ConnectionBytes one, other;
  auto greedy = memory.worker.lease(MemoryKind::request_body, "t", "greedy", &one);
  ASSERT_TRUE(greedy.grow(2 * mib));
  EXPECT_FALSE(greedy.grow(1));
  auto honest = memory.worker.lease(MemoryKind::request_body, "t", "honest", &other);
  EXPECT_TRUE(honest.grow(2 * mib));
  auto namesake = memory.worker.lease(MemoryKind::request_body, "other", "greedy");
  EXPECT_TRUE(namesake.grow(2 * mib));
}

TEST(ByteLease, MovesWithWhatItHolds) {
  Memory memory({.process = mib, .per_key = mib, .per_connection = mib});
  ConnectionBytes connection;
  {
    auto lease = memory.worker.lease(MemoryKind::queue, "t", "k", &connection);
    ASSERT_TRUE(lease.grow(1000));
    ByteLease taken = std::move(lease);
    EXPECT_EQ(lease.bytes(), 0u);
    EXPECT_EQ(taken.bytes(), 1000u);
    taken = ByteLease();
    EXPECT_EQ(connection.in_use, 0u);
    taken = memory.worker.lease(MemoryKind::queue, "t", "k", &connection);
    ASSERT_TRUE(taken.grow_to(500));
    ASSERT_TRUE(taken.grow_to(400));
    EXPECT_EQ(connection.in_use, 500u);
  }
  EXPECT_EQ(connection.in_use, 0u);
  EXPECT_EQ(memory.worker.in_use(MemoryKind::queue), 0u);
}

TEST(ByteLease, IsGivenWhatOthersGiveUp) {
  Memory memory({.process = mib, .per_key = mib, .per_connection = mib, .logs = mib});
  auto kept = memory.worker.lease(MemoryKind::generation_log, "", "");
  ASSERT_TRUE(kept.grow(mib));
  memory.worker.on_shortage([&](std::uint64_t bytes, const KeyBytes*) { kept.shrink(bytes); });
  auto lease = memory.worker.lease(MemoryKind::request_body, "", "");
  ASSERT_TRUE(lease.grow(1000));
  EXPECT_EQ(kept.bytes(), mib - 1000);
  EXPECT_EQ(memory.worker.refused(MemoryBound::process), 0u);
}

TEST(ByteLease, AsksForWhatTheKeyItselfCanGiveUp) {
  Memory memory({.process = 8 * mib, .per_key = mib, .per_connection = mib, .logs = 8 * mib});
  auto own = memory.worker.lease(MemoryKind::generation_log, "t", "k");
  auto others = memory.worker.lease(MemoryKind::generation_log, "t", "other");
  ASSERT_TRUE(own.grow(mib));
  ASSERT_TRUE(others.grow(mib));
  memory.worker.on_shortage([&](std::uint64_t bytes, const KeyBytes* of) {
    for (ByteLease* lease : {&own, &others}) {
      if (of == nullptr || lease->belongs_to(of)) lease->shrink(bytes);
    }
  });
  auto lease = memory.worker.lease(MemoryKind::generation_log, "t", "k");
  ASSERT_TRUE(lease.grow(1000));
  EXPECT_EQ(own.bytes(), mib - 1000);
  EXPECT_EQ(others.bytes(), mib);
}

TEST(ByteLease, ForcedBytesAreCountedAndGivenBack) {
  Memory memory({.process = mib, .per_key = 2 * mib, .per_connection = mib, .logs = mib});
  {
    auto lease = memory.worker.lease(MemoryKind::generation_log, "t", "k");
    ASSERT_TRUE(lease.grow(mib));
    lease.force(5000);
    EXPECT_EQ(memory.worker.in_use(MemoryKind::generation_log), mib + 5000);
    auto other = memory.worker.lease(MemoryKind::generation_log, "t", "k");
    EXPECT_FALSE(other.try_grow(1));
    lease.shrink(5000);
    EXPECT_FALSE(other.try_grow(1)) << "what was beyond the bound makes no room";
  }
  auto again = memory.worker.lease(MemoryKind::generation_log, "t", "k");
  EXPECT_TRUE(again.try_grow(mib));
}

TEST(ByteLease, OfNoWorkerBoundsNothing) {
  ByteLease lease;
  EXPECT_TRUE(lease.grow(1ull << 50));
  EXPECT_EQ(lease.bytes(), 1ull << 50);
}

TEST(ByteLease, FollowsALimitThatAReloadChanges) {
  Memory memory({.process = 4 * mib, .per_key = 4 * mib, .per_connection = 4 * mib});
  auto lease = memory.worker.lease(MemoryKind::request_body, "", "");
  ASSERT_TRUE(lease.grow(3 * mib));
  const ByteLimits lower{.process = 2 * mib, .per_key = mib, .per_connection = mib};
  memory.process.set_limits(lower);
  memory.worker.configure(lower);
  auto late = memory.worker.lease(MemoryKind::request_body, "", "");
  EXPECT_FALSE(late.grow(2 * mib));
  lease.release();
  EXPECT_TRUE(late.grow(mib));
}

/// Property: whatever workers take and give back at the same time, never more
/// than the bounds, and in the end everything is there again.
TEST(ByteLease, NeverHoldsMoreThanItsBoundsOnAnyNumberOfWorkers) {
  constexpr ByteLimits limits{.process = 24 * mib, .per_key = 9 * mib, .per_connection = 3 * mib};
  ProcessBytes process;
  process.set_limits(limits);
  std::atomic<bool> beyond{false};
  std::atomic<std::uint64_t> refused{0};
  const auto work = [&](unsigned seed) {
    WorkerBytes worker(process);
    worker.configure(limits);
    std::mt19937 random(seed);
    std::vector<ConnectionBytes> connections(4);
    std::vector<ByteLease> leases;
    for (int step = 0; step < 20'000; ++step) {
      if (leases.size() < 40 && random() % 2 == 0) {
        leases.push_back(worker.lease(MemoryKind::request_body, "t", std::to_string(random() % 3),
                                      &connections[random() % connections.size()]));
      } else if (!leases.empty()) {
        auto& lease = leases[random() % leases.size()];
        switch (random() % 3) {
          case 0:
            if (!lease.grow(random() % mib)) ++refused;
            break;
          case 1:
            lease.shrink(random() % mib);
            break;
          default:
            std::swap(lease, leases.back());
            leases.pop_back();
        }
      }
      if (process.all.taken() > limits.process) beyond = true;
      for (const auto& connection : connections) {
        if (connection.in_use > limits.per_connection) beyond = true;
      }
    }
    std::uint64_t held = 0;
    for (const auto& lease : leases) held += lease.bytes();
    if (held != worker.in_use(MemoryKind::request_body)) beyond = true;
  };
  std::vector<std::thread> workers;
  for (unsigned seed = 1; seed <= 4; ++seed) workers.emplace_back(work, seed);
  for (auto& worker : workers) worker.join();
  EXPECT_FALSE(beyond);
  EXPECT_GT(refused, 100u) << "the bounds were never met: nothing was tested";
  EXPECT_EQ(process.all.taken(), 0u);
  for (const auto* key : {"0", "1", "2"}) {
    EXPECT_EQ(process.of_key(std::string("t") + '\0' + key), 0);
  }
}

}  // namespace
}  // namespace hawser::net
