#include "stage/hops/hops.hpp"

#include <gtest/gtest.h>

namespace hawser::stage::hops {
namespace {

bool passed_with(std::vector<wire::Field> fields) {
  wire::RequestHead head;
  head.fields = std::move(fields);
  return passed(head, "eu-1");
}

TEST(Hops, FindsItsNameInAnyHop) {
  EXPECT_TRUE(passed_with({{"Via", "1.1 eu-1"}}));
  EXPECT_TRUE(passed_with({{"via", "1.0 fred, HTTP/1.1 EU-1 (hawser)"}}));
  EXPECT_TRUE(passed_with({{"via", "1.1 a"}, {"x", "y"}, {"Via", "2\t eu-1 ,1.1 b"}}));
}

TEST(Hops, TakesNothingElseForIt) {
  EXPECT_FALSE(passed_with({}));
  EXPECT_FALSE(passed_with({{"via", ""}}));
  EXPECT_FALSE(passed_with({{"via", "eu-1"}, {"via", "eu-1 other"}}));
  EXPECT_FALSE(passed_with({{"via", "1.1 eu-10, 1.1 eu-1.example (eu-1)"}}));
  EXPECT_FALSE(passed_with({{"x-via", "1.1 eu-1"}}));
}

}  // namespace
}  // namespace hawser::stage::hops
