#include "telemetry/access_log.hpp"

#include <gtest/gtest.h>

namespace hawser::telemetry {
namespace {

constexpr std::int64_t second = 1'000'000;

TEST(RefusalSampler, LogsABurstThenARateAndCountsTheRest) {
  RefusalSampler sampler({.burst = 5, .per_second = 2});
  std::int64_t now = 1000 * second;
  int logged = 0;
  for (int i = 0; i < 100; ++i) logged += sampler.judge("10.0.0.1", now).logged ? 1 : 0;
  EXPECT_EQ(logged, 5);
  now += second;
  const auto next = sampler.judge("10.0.0.1", now);
  EXPECT_TRUE(next.logged);
  EXPECT_EQ(next.suppressed, 95U) << "the next line says how many are missing before it";
  EXPECT_TRUE(sampler.judge("10.0.0.1", now).logged);
  EXPECT_FALSE(sampler.judge("10.0.0.1", now).logged) << "two a second";
  EXPECT_FALSE(sampler.judge("10.0.0.1", now - 3600 * second).logged) << "a clock that jumps back";
}

TEST(RefusalSampler, OthersAreLoggedAllTheSame) {
  RefusalSampler sampler({.burst = 3, .per_second = 0});
  for (int i = 0; i < 1000; ++i) (void)sampler.judge("10.0.0.1", second);
  int others = 0;
  for (int i = 0; i < 50; ++i) {
    others += sampler.judge("192.0.2." + std::to_string(i), second).logged ? 1 : 0;
  }
  EXPECT_GE(others, 40) << "but for the few that share a place";
}

TEST(AccessRecord, ARefusalCostNothingButItsLine) {
  EXPECT_TRUE((AccessRecord{.status = 401}.refused()));
  EXPECT_TRUE((AccessRecord{.status = 0, .error = "cancelled"}.refused()));
  EXPECT_FALSE((AccessRecord{.status = 500, .attempts = 1}.refused()));
  EXPECT_FALSE((AccessRecord{.status = 200}.refused())) << "out of the cache";
}

TEST(AccessRecord, WhatAClientChoseIsCut) {
  std::string line;
  const std::string path = "/v1/" + std::string(10'000, 'x');
  const std::string model = std::string(255, 'm') + "\xc3\xa4\xc3\xa4";
  append_line({.path = path, .status = 404, .model = model, .suppressed = 7}, line);
  EXPECT_LT(line.size(), 800U);
  EXPECT_NE(line.find(path.substr(0, 256) + "\""), std::string::npos);
  EXPECT_NE(line.find(std::string(255, 'm') + "\""), std::string::npos) << "no half characters";
  EXPECT_NE(line.find(R"("suppressed":7)"), std::string::npos);
}

}  // namespace
}  // namespace hawser::telemetry
