#include "exchange/frame_fields.hpp"

#include <gtest/gtest.h>

namespace hawser::exchange {
namespace {

TEST(FrameFields, WhatAConnectionSaysIsNotAFramesToSay) {
  FieldList fields;
  for (const char* name :
       {"X-Forwarded-For", "x-forwarded-host", "Forwarded", "Via", "X-Real-IP", "CF-Connecting-IP",
        "true-client-ip", "Authorization", "x-api-key", "X-Goog-Api-Key", "apikey",
        "Content-Length", "Transfer-Encoding", "Cookie", "Host", "Connection"}) {
    EXPECT_TRUE(add_frame_field(fields, {}, name, "10.0.0.1")) << name;
  }
  EXPECT_TRUE(fields.empty());
  EXPECT_TRUE(add_frame_field(fields, {}, "OpenAI-Beta", "a=b"));
  EXPECT_EQ(fields, (FieldList{{"OpenAI-Beta", "a=b"}}));
}

TEST(FrameFields, WhatIsBoundIsNotChanged) {
  const FieldList bound{{"X-Hawser-Data-Class", "secret"}, {"x-hawser-residency", "region=eu"}};
  FieldList fields;
  const auto changed = add_frame_field(fields, bound, "x-hawser-data-class", "public");
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, Code::invalid_request);
  EXPECT_TRUE(add_frame_field(fields, bound, "x-hawser-data-class", "secret"));
  EXPECT_TRUE(add_frame_field(fields, bound, "x-hawser-residency", "zdr=true"))
      << "all that is asked for holds together";
  FieldList two;
  EXPECT_TRUE(add_frame_field(two, {}, "x-hawser-data-class", "a"));
  EXPECT_FALSE(add_frame_field(two, {}, "X-HAWSER-DATA-CLASS", "b")) << "not even by itself";
}

TEST(FrameFields, NothingCanBeSmuggledIn) {
  FieldList fields;
  const std::string zero("a\0b", 3);
  for (const std::string& value :
       {std::string("1\r\nb: 2"), std::string("1\n"), zero, std::string(" 1"), std::string("1\t"),
        std::string("\x7f"), std::string(8193, 'x')}) {
    EXPECT_FALSE(add_frame_field(fields, {}, "a", value));
  }
  for (const std::string& name : {std::string(), std::string("a b"), std::string("a:"), zero,
                                  std::string("\xc3\xa4"), std::string(257, 'x')}) {
    EXPECT_FALSE(add_frame_field(fields, {}, name, "1"));
  }
  EXPECT_TRUE(fields.empty());
  for (int i = 0; i < 64; ++i) {
    EXPECT_TRUE(add_frame_field(fields, {}, "x" + std::to_string(i), "1"));
  }
  EXPECT_FALSE(add_frame_field(fields, {}, "one-more", "1"));
}

}  // namespace
}  // namespace hawser::exchange
