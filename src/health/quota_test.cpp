#include "health/quota.hpp"

#include <gtest/gtest.h>

namespace hawser::health {
namespace {

using std::chrono::system_clock;
const auto noon = system_clock::from_time_t(1'767'960'000);  // 2026-01-09 12:00:00 UTC

TEST(Quota, ReadsEveryFormOfTime) {
  struct Case {
    const char* text;
    std::optional<milliseconds> expected;
  };
  const Case cases[] = {{"6m0s", 360s},
                        {"17.399999999s", 17'400ms},
                        {"261ms", 261ms},
                        {"6ms", 6ms},
                        {"0s", 0ms},
                        {"2m59.56s", 179'560ms},
                        {"1h2m3s", 3'723s},
                        {"30", 30s},
                        {"0.5", 500ms},
                        {"2026-01-09T12:01:00Z", 60s},
                        {"2026-01-09T12:01:00.250Z", 60s},
                        {"2026-01-09T11:00:00Z", 0ms},
                        {"Fri, 09 Jan 2026 12:00:10 GMT", 10s},
                        {"", std::nullopt},
                        {"soon", std::nullopt},
                        {"-5", std::nullopt},
                        {"5m3", std::nullopt},
                        {"5 s", std::nullopt},
                        {"99h", 24h},
                        {"2027-01-09T12:00:00Z", 24h},
                        {"1e9s", std::nullopt},
                        {"nan", std::nullopt}};
  for (const auto& c : cases) EXPECT_EQ(parse_reset(c.text, noon), c.expected) << c.text;
}

wire::ResponseHead head_of(std::vector<wire::Field> fields) {
  wire::ResponseHead head;
  head.fields = std::move(fields);
  return head;
}

TEST(Quota, ReadsOpenAisFields) {
  const auto quota = quota_of(head_of({{"x-ratelimit-remaining-requests", "59"},
                                       {"x-ratelimit-reset-requests", "1s"},
                                       {"x-ratelimit-remaining-tokens", "149984"},
                                       {"x-ratelimit-reset-tokens", "6m0s"}}),
                              noon);
  ASSERT_TRUE(quota.requests && quota.tokens);
  EXPECT_EQ(quota.requests->left, 59u);
  EXPECT_EQ(quota.requests->until_full, 1s);
  EXPECT_EQ(quota.tokens->left, 149'984u);
  EXPECT_EQ(quota.tokens->until_full, 360s);
}

TEST(Quota, TakesTheTightestOfAnthropicsTokens) {
  const auto quota =
      quota_of(head_of({{"anthropic-ratelimit-input-tokens-remaining", "90000"},
                        {"anthropic-ratelimit-input-tokens-reset", "2026-01-09T12:00:30Z"},
                        {"anthropic-ratelimit-output-tokens-remaining", "0"},
                        {"anthropic-ratelimit-output-tokens-reset", "2026-01-09T12:00:10Z"}}),
               noon);
  ASSERT_TRUE(quota.tokens);
  EXPECT_FALSE(quota.requests);
  EXPECT_EQ(quota.tokens->left, 0u);
  EXPECT_EQ(quota.tokens->until_full, 10s);
}

TEST(Quota, LeavesOutWhatIsHalfOrNonsense) {
  EXPECT_FALSE(quota_of(head_of({{"x-ratelimit-remaining-requests", "0"}}), noon).requests);
  EXPECT_FALSE(quota_of(head_of({{"x-ratelimit-remaining-requests", "many"},
                                 {"x-ratelimit-reset-requests", "1s"}}),
                        noon)
                   .requests);
}

}  // namespace
}  // namespace hawser::health
