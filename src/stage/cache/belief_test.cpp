#include "stage/cache/belief.hpp"

#include <gtest/gtest.h>

#include <random>

namespace hawser::stage::cache {
namespace {

TEST(Belief, WhoSawNothingAsks) {
  EXPECT_GT(Belief().explore(0.99, 0.01), 0.95);
}

TEST(Belief, WhatWasAlwaysRightIsGivenMoreAndMore) {
  Belief belief;
  double before = 1;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 200; ++i) belief.observe(0.95, true);
    const double now = belief.explore(0.95, 0.01);
    EXPECT_LT(now, before);
    before = now;
  }
  EXPECT_LT(before, 0.6);
}

TEST(Belief, WhatWasOftenWrongIsAsked) {
  Belief belief;
  for (int i = 0; i < 200; ++i) belief.observe(0.95, i % 5 != 0);
  EXPECT_GT(belief.explore(0.95, 0.01), 0.9);
}

TEST(Belief, MoreAlikeIsNeverWorse) {
  Belief belief;
  for (int i = 0; i < 300; ++i) belief.observe(i % 2 == 0 ? 0.98 : 0.85, i % 2 == 0);
  EXPECT_LE(belief.explore(0.99, 0.01), belief.explore(0.9, 0.01));
}

/// The curve that it learns from is the truth here: what is given must then be wrong as rarely as
/// was asked for, from the first request on.
TEST(Belief, KeepsItsBoundOnCurvesOfEverySteepness) {
  std::mt19937 dice(7);
  std::uniform_real_distribution<double> chance(0, 1);
  for (const double middle : {0.8, 0.9, 0.97}) {
    for (const double slope : {20.0, 80.0, 400.0}) {
      Belief belief;
      int wrong = 0, given = 0;
      constexpr int requests = 20'000;
      for (int i = 0; i < requests; ++i) {
        const double similarity = 0.7 + 0.3 * chance(dice);
        const bool right = chance(dice) < 1 / (1 + std::exp(-slope * (similarity - middle)));
        if (chance(dice) < belief.explore(similarity, 0.02)) {
          belief.observe(similarity, right);
        } else {
          ++given;
          wrong += right ? 0 : 1;
        }
      }
      EXPECT_LE(wrong, 0.02 * requests) << middle << " " << slope << " of " << given;
    }
  }
}

}  // namespace
}  // namespace hawser::stage::cache
