#include "stage/record/repetition.hpp"

#include <gtest/gtest.h>

namespace hawser::stage::record {
namespace {

wire::RequestHead with(std::vector<wire::Field> fields, std::string_view query = "") {
  wire::RequestHead head;
  head.query = query;
  head.fields = std::move(fields);
  return head;
}

std::string meaning(const wire::RequestHead& head) {
  std::string out;
  append_meaning(head, out);
  return out;
}

TEST(Repetition, IsWhatAnSdkOrItsClientSays) {
  EXPECT_FALSE(repeats(with({})));
  EXPECT_FALSE(repeats(with({{"x-stainless-retry-count", "0"}})));
  EXPECT_FALSE(repeats(with({{"x-stainless-retry-count", "soon"}})));
  EXPECT_TRUE(repeats(with({{"X-Stainless-Retry-Count", "1"}})));
  EXPECT_FALSE(repeats(with({{"amz-sdk-request", "attempt=1; max=3"}})));
  EXPECT_TRUE(repeats(with({{"amz-sdk-request", "ttl=1; attempt=2; max=3"}})));
  EXPECT_TRUE(repeats(with({{"x-hawser-reattach", "on"}})));
  EXPECT_FALSE(repeats(with({{"x-hawser-reattach", "off"}})));
}

TEST(Repetition, QueryAndProvidersFieldsBelongToTheRequest) {
  const auto plain = meaning(with({{"Accept", "a"}, {"User-Agent", "b"}}));
  EXPECT_EQ(plain, meaning(with({})));
  EXPECT_EQ(plain, meaning(with({{"x-request-id", "1"}, {"X-Stainless-Retry-Count", "1"}})));
  EXPECT_NE(plain, meaning(with({}, "a=1")));
  EXPECT_NE(plain, meaning(with({{"OpenAI-Project", "p"}})));
  EXPECT_NE(plain, meaning(with({{"anthropic-beta", "b"}})));
  EXPECT_NE(plain, meaning(with({{"X-End-User", "bob"}})));
  EXPECT_NE(meaning(with({{"x-a", "bc"}})), meaning(with({{"x-ab", "c"}})));
}

}  // namespace
}  // namespace hawser::stage::record
