#include "front/websocket/request_fields.hpp"

#include <gtest/gtest.h>

namespace hawser::front::websocket {
namespace {

using Fields = exchange::FieldList;

TEST(RequestFields, HeadersOfTheConnectionAreLeftOut) {
  Fields fields;
  EXPECT_TRUE(read_fields(R"({"X-Mine":"1","authorization":"Bearer x","Content-Length":"3",
                              "transfer-encoding":"chunked","cookie":"a=b",
                              "x-forwarded-for":"10.0.0.1"})",
                          {}, fields));
  EXPECT_EQ(fields, (Fields{{"X-Mine", "1"}}));
}

TEST(RequestFields, NothingCanBeSmuggledIn) {
  for (const char* bad :
       {R"({"a":"1\r\nb: 2"})", R"({"a\r\n":"1"})", R"({"a b":"1"})", R"({"":"1"})", R"({"a":7})",
        R"({"a":" 1"})", R"([])", R"(7)", R"({"a":"\u0000"})"}) {
    Fields fields;
    EXPECT_FALSE(read_fields(bad, {}, fields)) << bad;
    EXPECT_TRUE(fields.empty()) << bad;
  }
}

TEST(RequestFields, WhatTheHandshakeBoundHolds) {
  Fields fields;
  const Fields bound{{"x-hawser-data-class", "secret"}};
  EXPECT_FALSE(read_fields(R"({"x-hawser-data-class":"public"})", bound, fields));
  EXPECT_TRUE(fields.empty());
}

TEST(RequestFields, Targets) {
  EXPECT_TRUE(valid_target("/v1/chat/completions?a[]=1"));
  EXPECT_TRUE(valid_target("/v1beta/models"));
  for (const char* bad : {"", "/", "/v2/x", "/v1", "/v1/a b", "/v1/a\r\n", "/v1/\303\244",
                          "/v1/a#b", "http://x/v1/a"}) {
    EXPECT_FALSE(valid_target(bad)) << bad;
  }
  EXPECT_FALSE(valid_method("get"));
  EXPECT_TRUE(valid_method("DELETE"));
}

}  // namespace
}  // namespace hawser::front::websocket
