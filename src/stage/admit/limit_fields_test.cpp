#include "stage/admit/limit_fields.hpp"

#include <gtest/gtest.h>

namespace hawser::stage::admit {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

Limit limit(std::string name, Unit unit, std::uint64_t burst) {
  Limit out;
  out.name = std::move(name);
  out.unit = unit;
  out.pace = {.amount = burst, .period = minutes(1), .burst = burst};
  return out;
}

TEST(LimitFields, EachDialectReadsItsOwn) {
  const Limit requests = limit("rpm", Unit::requests, 60);
  const Limit tokens = limit("tpm", Unit::tokens, 200'000);
  const Limit tighter = limit("team-tpm", Unit::tokens, 100'000);
  const Standing standings[] = {{&requests, 59, seconds(1)},
                                {&tokens, 190'000, seconds(3)},
                                {&tighter, 20'000, milliseconds(48'500)}};
  const std::chrono::system_clock::time_point now{};
  std::string openai;
  append_limit_fields(standings, dialect::Dialect::openai, now, openai);
  EXPECT_EQ(openai,
            "RateLimit-Policy: \"rpm\";q=60;w=60, \"tpm\";q=200000;w=60, "
            "\"team-tpm\";q=100000;w=60\r\n"
            "RateLimit: \"rpm\";r=59;t=1, \"tpm\";r=190000;t=3, \"team-tpm\";r=20000;t=49\r\n"
            "x-ratelimit-limit-requests: 60\r\nx-ratelimit-remaining-requests: 59\r\n"
            "x-ratelimit-reset-requests: 1s\r\n"
            "x-ratelimit-limit-tokens: 100000\r\nx-ratelimit-remaining-tokens: 20000\r\n"
            "x-ratelimit-reset-tokens: 48.5s\r\n");
  std::string anthropic;
  append_limit_fields(standings, dialect::Dialect::anthropic, now, anthropic);
  EXPECT_NE(anthropic.find("anthropic-ratelimit-requests-remaining: 59\r\n"), std::string::npos);
  EXPECT_NE(anthropic.find("anthropic-ratelimit-tokens-reset: 1970-01-01T00:00:49Z\r\n"),
            std::string::npos);
  EXPECT_EQ(anthropic.find("x-ratelimit"), std::string::npos);
}

TEST(LimitFields, DurationsAsOpenAiWritesThem) {
  EXPECT_EQ(go_duration(seconds(0)), "0ms");
  EXPECT_EQ(go_duration(milliseconds(20)), "20ms");
  EXPECT_EQ(go_duration(milliseconds(8640)), "8.64s");
  EXPECT_EQ(go_duration(seconds(360)), "6m0s");
  EXPECT_EQ(go_duration(seconds(3600 + 61)), "1h1m1s");
}

}  // namespace
}  // namespace hawser::stage::admit
