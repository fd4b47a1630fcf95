#include "health/choice.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

namespace hawser::health {
namespace {

using State = Condition::State;
const Clock::time_point now{1h};

Option warm(std::uint8_t group, double score = 1, double share = 1) {
  return {{}, group, score, share, false};
}
Option avoided(std::uint8_t group, Clock::duration longer) {
  return {{State::avoided, now + longer, "breaker"}, group, 1, 1, false};
}
Option cold(std::uint8_t group, Clock::duration longer) {
  return {{State::cold, now + longer, "rate_limit"}, group, 1, 1, false};
}
Option tried(Option option) {
  option.tried = true;
  return option;
}

// One line, one rule.
TEST(Choice, FollowsTheTable) {
  using enum Choice::What;
  struct Case {
    const char* rule;
    std::vector<Option> options;
    Choice::What what;
    std::size_t option;
  };
  const Case cases[] = {
      {"the first group first", {warm(1), warm(0), warm(2)}, take, 1},
      {"not what was tried", {tried(warm(0)), warm(1)}, take, 1},
      {"the warm one, however far", {avoided(0, 1s), cold(1, 1s), warm(2)}, take, 2},
      {"the better of a group", {warm(0, 9), warm(0, 1)}, take, 1},
      {"all are avoided: the soonest", {avoided(0, 9s), avoided(1, 2s)}, take, 1},
      {"one avoided beats one that named a time", {cold(0, 1s), avoided(1, 9s)}, take, 1},
      {"all named a time: the first", {cold(0, 9s), cold(1, 3s)}, wait, 1},
      {"all were tried", {tried(warm(0)), tried(cold(1, 1s))}, none, 0},
      {"none at all", {}, none, 0},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.rule);
    const Choice choice = choose(c.options, {0.4, 0.4, 0.4});
    EXPECT_EQ(choice.what, c.what);
    EXPECT_EQ(choice.option, c.option);
  }
}

TEST(Choice, WaitsUntilTheFirstComesBack) {
  const std::vector<Option> options{cold(0, 9s), cold(1, 3s)};
  EXPECT_EQ(choose(options, {0, 0, 0}).until, now + 3s);
}

TEST(Choice, OfTwoDrawnTheFasterAndNeverTheSlowestOfThree) {
  const std::vector<Option> options{warm(0, 100), warm(0, 200), warm(0, 900)};
  std::minstd_rand random(7);
  std::uniform_real_distribution<double> draw(0, 1);
  std::array<int, 3> taken{};
  for (int i = 0; i < 30'000; ++i) {
    ++taken[choose(options, {draw(random), draw(random), draw(random)}).option];
  }
  // Of the three pairs the fastest wins two, the second one, the slowest none.
  EXPECT_NEAR(taken[0], 20'000, 600);
  EXPECT_NEAR(taken[1], 10'000, 600);
  EXPECT_EQ(taken[2], 0);
}

TEST(Choice, WhatCameBackLatelyLeavesAPartToTheNext) {
  const std::vector<Option> options{warm(0, 1, 0.2), warm(1)};
  std::minstd_rand random(7);
  std::uniform_real_distribution<double> draw(0, 1);
  int first = 0;
  for (int i = 0; i < 10'000; ++i) {
    first += choose(options, {draw(random), draw(random), draw(random)}).option == 0;
  }
  EXPECT_NEAR(first, 2'000, 200);
  EXPECT_EQ(choose(std::vector<Option>{warm(0, 1, 0.2)}, {0, 0, 0.9}).option, 0u);
}

}  // namespace
}  // namespace hawser::health
