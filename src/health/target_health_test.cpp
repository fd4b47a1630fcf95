#include "health/target_health.hpp"

#include <gtest/gtest.h>

#include "health/load.hpp"

namespace hawser::health {
namespace {

using State = Condition::State;
const Clock::time_point start{1h};

struct Pair {
  Directory directory{};
  TargetHealthPtr first = directory.target("openai", "openai/gpt-4o");
  TargetHealthPtr second = directory.target("openai", "openai/gpt-4o-mini");
  TargetHealthPtr elsewhere = directory.target("azure", "azure/gpt-4o");
  HealthConfig config{};

  State state(const TargetHealthPtr& target, Clock::time_point at = start,
              std::uint64_t tokens = 100) {
    return target->condition(at, tokens).state;
  }
};

TEST(TargetHealth, PenaltiesStayWhereTheyBelong) {
  Pair pair;
  for (int i = 0; i < 5; ++i) pair.first->failed(Fault::target, {}, start, pair.config);
  EXPECT_EQ(pair.state(pair.first), State::avoided);
  EXPECT_EQ(pair.state(pair.second), State::warm);

  pair.second->failed(Fault::limited, 3s, start, pair.config);
  EXPECT_EQ(pair.state(pair.second), State::cold);
  EXPECT_EQ(pair.state(pair.second, start + 3s), State::warm);

  Pair other;
  other.first->failed(Fault::credential, {}, start, other.config);
  EXPECT_EQ(other.state(other.second), State::avoided);
  EXPECT_EQ(other.state(other.elsewhere), State::warm);
  EXPECT_EQ(other.state(other.second, start + 1h), State::warm);

  Pair third;
  for (int i = 0; i < 5; ++i) third.first->failed(Fault::connection, {}, start, third.config);
  EXPECT_EQ(third.state(third.second), State::avoided);
  EXPECT_EQ(third.state(third.elsewhere), State::warm);

  Pair fourth;
  for (int i = 0; i < 50; ++i) fourth.first->failed(Fault::none, {}, start, fourth.config);
  EXPECT_EQ(fourth.state(fourth.first), State::warm);
}

TEST(TargetHealth, NoProviderNamesAPauseBeyondTheBound) {
  Pair pair;
  pair.config.retry_after_max = 60s;
  pair.first->failed(Fault::limited, 24h, start, pair.config);
  EXPECT_EQ(pair.first->condition(start, 1).until, start + 60s);
  pair.second->told({.requests = Quota::Part{0, 24h}, .tokens = Quota::Part{0, 24h}}, start,
                    pair.config);
  EXPECT_EQ(pair.state(pair.second), State::cold);
  EXPECT_EQ(pair.state(pair.second, start + 60s), State::warm);
}

TEST(TargetHealth, AQuotaThatIsSpentIsNotAskedFor) {
  Pair pair;
  pair.first->told({.requests = Quota::Part{0, 20s}, .tokens = {}}, start, {});
  EXPECT_EQ(pair.state(pair.first), State::cold);
  EXPECT_EQ(pair.first->condition(start, 1).until, start + 20s);

  pair.second->told({.requests = Quota::Part{5, 20s}, .tokens = Quota::Part{250, 30s}}, start, {});
  EXPECT_EQ(pair.state(pair.second, start, 200), State::warm);
  const Load load(*pair.second, pair.config, 200);  // counted down between two answers
  EXPECT_EQ(pair.state(pair.second, start, 200), State::cold);
  EXPECT_EQ(pair.state(pair.second, start + 30s, 200), State::warm);
}

TEST(TargetHealth, ComesBackSlowly) {
  Pair pair;
  EXPECT_EQ(pair.first->share(start, 60s), 1.0);
  pair.first->failed(Fault::limited, 3s, start, pair.config);
  pair.first->answered(100ms, start + 4s);
  EXPECT_DOUBLE_EQ(pair.first->share(start + 4s, 60s), 0.2);
  EXPECT_DOUBLE_EQ(pair.first->share(start + 34s, 60s), 0.6);
  EXPECT_DOUBLE_EQ(pair.first->share(start + 64s, 60s), 1.0);
  EXPECT_DOUBLE_EQ(pair.first->share(start + 4s, 0ms), 1.0);
}

TEST(TargetHealth, ALoadIsOverWithItsOwner) {
  Pair pair;
  {
    Load load(*pair.first, pair.config, 700);
    Load moved = std::move(load);
    EXPECT_EQ(pair.first->outstanding_tokens(), 700);
  }
  EXPECT_EQ(pair.first->outstanding_tokens(), 0);
}

TEST(TargetHealth, PeaksCountAtOnceAndAreForgotten) {
  PeakAverage average;
  average.observe(100ms, start);
  average.observe(900ms, start + 1s);
  EXPECT_NEAR(average.value(), 900, 1);
  average.observe(100ms, start + 11s);
  EXPECT_NEAR(average.value(), 394, 5);  // 100 + 800 / e
}

TEST(TargetHealth, TheUsualTimeIsWhatMostStayBelow) {
  UpperBound bound;
  for (int i = 0; i < 20'000; ++i) bound.observe(milliseconds(1 + (i * 7919) % 1000));
  EXPECT_NEAR(bound.value(), 950, 200);
}

TEST(TargetHealth, KnowsWhatItHasAnswered) {
  Directory directory;
  const auto target = directory.target("p", "p/m");
  EXPECT_FALSE(target->has_proven_any());
  for (const unsigned operation : {0u, 63u, 64u, 200u}) {
    EXPECT_FALSE(target->is_proven(operation));
    target->prove(operation);
    EXPECT_TRUE(target->is_proven(operation));
  }
  EXPECT_FALSE(target->is_proven(1));
}

}  // namespace
}  // namespace hawser::health
