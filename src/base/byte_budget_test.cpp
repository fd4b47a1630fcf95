#include "base/byte_budget.hpp"

#include <gtest/gtest.h>

namespace hawser {
namespace {

TEST(ByteBudget, TakesUpToItsBoundAndNothingBeyond) {
  ByteBudget budget(100);
  auto one = budget.share(), other = budget.share();
  EXPECT_TRUE(one.grow(60));
  EXPECT_FALSE(other.grow(41));
  EXPECT_EQ(budget.held(), 60U) << "what is refused takes nothing";
  EXPECT_TRUE(other.grow(40));
  EXPECT_FALSE(one.grow(1));
  EXPECT_FALSE(one.grow(~std::size_t{0})) << "no sum overflows";
}

TEST(ByteBudget, TheEndOfAShareGivesItBack) {
  ByteBudget budget(100);
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

TEST(ByteBudget, AShareMayOutliveItsBudget) {
  ByteBudget::Share share;
  {
    ByteBudget budget(10);
    share = budget.share();
    ASSERT_TRUE(share.grow(10));
  }
  EXPECT_FALSE(share.grow(1));
  share.release();
  EXPECT_TRUE(share.grow(1));
}

}  // namespace
}  // namespace hawser
