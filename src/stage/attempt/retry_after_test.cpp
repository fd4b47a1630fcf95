#include "stage/attempt/retry_after.hpp"

#include <gtest/gtest.h>

namespace hawser::stage::attempt {
namespace {

// Sat, 02 May 2026 12:00:00 GMT
const auto now = std::chrono::system_clock::from_time_t(1777723200);

std::optional<milliseconds> of(std::string_view name, std::string_view value) {
  wire::ResponseHead head;
  head.fields.push_back({name, value});
  return retry_after(head, now);
}

TEST(RetryAfter, ReadsNumbersAndDates) {
  EXPECT_EQ(of("retry-after", "7"), 7s);
  EXPECT_EQ(of("Retry-After", "0.5"), 500ms);
  EXPECT_EQ(of("retry-after-ms", "120"), 120ms);
  EXPECT_EQ(of("retry-after", "Sat, 02 May 2026 12:00:30 GMT"), 30s);
  EXPECT_EQ(of("retry-after", "Sat, 02 May 2026 11:00:00 GMT"), 0ms);
}

TEST(RetryAfter, NothingIsLongerThanADay) {
  for (const auto* far : {"86400", "90000", "99999999999", "1e300", "Wed, 21 Oct 2037 07:28:00 GMT",
                          "Fri, 31 Dec 9999 23:59:59 GMT"}) {
    EXPECT_EQ(of("retry-after", far), 24h) << far;
  }
}

TEST(RetryAfter, NonsenseCountsAsAbsent) {
  for (const auto* bad : {"", "-1", "inf", "nan", "soon", "7 s", "Wed, 21 Oct 2037 07:28:00"}) {
    EXPECT_EQ(of("retry-after", bad), std::nullopt) << bad;
  }
}

// The machine's clock stands in 1970, or far ahead: no wait is longer than the bound or negative.
TEST(RetryAfter, AClockThatIsWrongBoundsTheWait) {
  wire::ResponseHead head;
  head.fields.push_back({"retry-after", "Sat, 02 May 2026 12:00:30 GMT"});
  EXPECT_EQ(retry_after(head, std::chrono::system_clock::from_time_t(0)), 24h);
  EXPECT_EQ(retry_after(head, std::chrono::system_clock::from_time_t(4000000000)), 0ms);
}

}  // namespace
}  // namespace hawser::stage::attempt
