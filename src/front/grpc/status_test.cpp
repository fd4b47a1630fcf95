#include "front/grpc/status.hpp"

#include <gmock/gmock.h>

namespace hawser::front::grpc {
namespace {

TEST(GrpcStatus, TimeoutsAreReadInTheirUnits) {
  EXPECT_EQ(parse_timeout("250m"), 250);
  EXPECT_EQ(parse_timeout("3S"), 3000);
  EXPECT_EQ(parse_timeout("2M"), 120'000);
  EXPECT_EQ(parse_timeout("1H"), 3'600'000);
  EXPECT_EQ(parse_timeout("1500u"), 1);
  EXPECT_EQ(parse_timeout("1n"), 1);
  for (const char* bad : {"", "m", "5", "5x", "-1S", "123456789S", " 1S"}) {
    EXPECT_LT(parse_timeout(bad), 0) << bad;
  }
}

TEST(GrpcStatus, MessagesArePercentEncoded) {
  EXPECT_EQ(encode_message("a b%\n\303\244"), "a b%25%0A%C3%A4");
}

TEST(GrpcStatus, LimitsTellTheWait) {
  Error error{.code = Code::rate_limit, .message = "slow down"};
  error.retry_after = std::chrono::milliseconds(1500);
  const Ending ending = ending_of(error);
  EXPECT_EQ(ending.status, Status::resource_exhausted);
  EXPECT_THAT(ending.details, testing::HasSubstr("google.rpc.RetryInfo"));
  EXPECT_TRUE(ending_of(Error{.code = Code::timeout, .message = "late"}).details.empty());
}

TEST(GrpcStatus, ProvidersRefusalsKeepTheirWords) {
  const Ending ending = ending_of(429, R"({"error":{"message":"too fast"}})", "3");
  EXPECT_EQ(ending.status, Status::resource_exhausted);
  EXPECT_EQ(ending.message, "too fast");
  EXPECT_FALSE(ending.details.empty());
  EXPECT_EQ(ending_of(404, "", "").status, Status::not_found);
  EXPECT_EQ(ending_of(529, "nonsense", "").status, Status::unavailable);
}

}  // namespace
}  // namespace hawser::front::grpc
