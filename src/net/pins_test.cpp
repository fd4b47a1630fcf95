#include "net/pins.hpp"

#include <gtest/gtest.h>

namespace hawser::net {
namespace {

// The example of RFC 7469, 2.4.
constexpr const char* example = "d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=";

TEST(Pins, BothFormsAreRead) {
  const auto path = parse_pin(std::string("sha256/") + example);
  const auto field = parse_pin(std::string("pin-sha256=\"") + example + "\"");
  ASSERT_TRUE(path && field);
  EXPECT_EQ(*path, *field);
  EXPECT_EQ((*path)[0], 0x77);
  EXPECT_EQ((*path)[31], 0x63);
}

TEST(Pins, AnythingElseIsNone) {
  for (const char* wrong : {
           "",
           "sha256/",
           "d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=",
           "sha1/d6qzRu9zOECb90Uez27xWltNsj0=",
           "sha256/d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWm==",
           "sha256/d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM",
           "sha256/d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=x",
           "sha256/d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZW!M=",
           "pin-sha256=d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=",
           "pin-sha256=\"",
           "pin-sha256=\"\"",
       }) {
    EXPECT_FALSE(parse_pin(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace hawser::net
