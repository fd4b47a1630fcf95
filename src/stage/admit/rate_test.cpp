#include "stage/admit/rate.hpp"

#include <gtest/gtest.h>

namespace hawser::stage::admit {
namespace {

TEST(Rate, IsANumberAndAUnitOfTime) {
  const auto expect = [](std::string_view text, std::uint64_t amount, Clock::duration period) {
    const auto pace = parse_rate(text);
    ASSERT_TRUE(pace) << text;
    EXPECT_EQ(pace->amount, amount);
    EXPECT_EQ(pace->period, period);
    EXPECT_EQ(pace->burst, amount);
  };
  expect("5r/s", 5, std::chrono::seconds(1));
  expect("60/m", 60, std::chrono::minutes(1));
  expect("200k/m", 200'000, std::chrono::minutes(1));
  expect("1000r/h", 1000, std::chrono::hours(1));
  expect("10M/d", 10'000'000, std::chrono::hours(24));
}

TEST(Rate, AnythingElseIsRefused) {
  for (const auto text : {"", "5", "r/s", "0r/s", "-1/s", "5r/w", "5r/", "5 r/s", "5.5/s", "5rr/s",
                          "99999999999999999999/s", "9999999999999M/s"}) {
    EXPECT_FALSE(parse_rate(text)) << text;
  }
}

}  // namespace
}  // namespace hawser::stage::admit
