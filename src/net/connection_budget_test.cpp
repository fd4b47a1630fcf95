#include "net/connection_budget.hpp"

#include <gtest/gtest.h>

namespace hawser::net {
namespace {

TEST(ConnectionBudget, TakesUpToItsBoundAndNothingBeyond) {
  ConnectionBudget budget(100, {});
  auto one = budget.share(), other = budget.share();
  EXPECT_TRUE(one.grow(60));
  EXPECT_FALSE(other.grow(41));
  EXPECT_EQ(budget.held(), 60U) << "what is refused takes nothing";
  EXPECT_TRUE(other.grow(40));
  EXPECT_FALSE(one.grow(1));
  EXPECT_FALSE(one.grow(~std::size_t{0})) << "no sum overflows";
}

TEST(ConnectionBudget, TheEndOfAShareGivesItBack) {
  ConnectionBudget budget(100, {});
  {
    auto share = budget.share();
    ASSERT_TRUE(share.grow(70));
    auto moved = std::move(share);
    EXPECT_EQ(budget.held(), 70U);
    moved = budget.share();
    EXPECT_EQ(budget.held(), 0U) << "what is replaced is given back";
    ASSERT_TRUE(moved.grow(100));
  }
  EXPECT_EQ(budget.held(), 0U);
}

TEST(ConnectionBudget, AShareMayOutliveItsBudget) {
  ConnectionBudget::Share share;
  {
    ConnectionBudget budget(10, {});
    share = budget.share();
    ASSERT_TRUE(share.grow(10));
  }
  EXPECT_FALSE(share.grow(1));
  share.release();
  EXPECT_TRUE(share.grow(1));
}

TEST(ConnectionBudget, TakesOfTheProcessAndOfTheKeyToo) {
  ProcessBytes process;
  process.set_limits({.process = 1'000'000, .per_key = 150});
  WorkerBytes worker(process);
  worker.configure({.process = 1'000'000, .per_key = 150, .per_connection = 1});
  const auto of_key = [&] { return worker.lease(MemoryKind::request_body, "tenant", "key"); };
  ConnectionBudget one(100, of_key);
  auto share = one.share();
  {
    ConnectionBudget two(100, of_key);
    auto other = two.share();
    EXPECT_TRUE(share.grow(80));
    EXPECT_FALSE(other.grow(80)) << "the key's bound";
    EXPECT_EQ(two.held(), 0U);
    EXPECT_TRUE(other.grow_to(70));
    EXPECT_TRUE(other.grow_to(60)) << "it has more already";
    EXPECT_EQ(worker.in_use(MemoryKind::request_body), 150U);
  }
  EXPECT_EQ(worker.in_use(MemoryKind::request_body), 80U);
  share.release();
  EXPECT_EQ(worker.in_use(MemoryKind::request_body), 0U);
}

TEST(ConnectionBudget, WhatIsAnnouncedIsTakenOfOthersWhenItComes) {
  ProcessBytes process;
  process.set_limits({.process = 1'000'000});
  WorkerBytes worker(process);
  worker.configure({.process = 1'000'000, .per_key = 100});
  ConnectionBudget budget(1000, {});
  auto share = budget.share([&] { return worker.lease(MemoryKind::request_body, "t", "k"); });
  EXPECT_TRUE(share.announce(500));
  EXPECT_FALSE(share.announce(501));
  EXPECT_EQ(budget.held(), 500U);
  EXPECT_EQ(worker.in_use(MemoryKind::request_body), 0U);
  EXPECT_TRUE(share.came(60));
  EXPECT_TRUE(share.came(50)) << "it has more already";
  EXPECT_EQ(worker.in_use(MemoryKind::request_body), 60U);
  EXPECT_FALSE(share.came(101)) << "the key's bound";
  share.release();
  EXPECT_EQ(budget.held(), 0U);
  EXPECT_EQ(worker.in_use(MemoryKind::request_body), 0U);
}

}  // namespace
}  // namespace hawser::net
