#include "base/canonical_json.hpp"

#include <gtest/gtest.h>

namespace hawser {
namespace {

std::string canon(std::string_view text) {
  return canonical_json(text, {}).value_or("nothing");
}

TEST(CanonicalJson, TheSampleOfTheRfc) {  // RFC 8785, 3.2.2
  EXPECT_EQ(canon(R"({
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]})"),
            R"({"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],)"
            "\"string\":\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

TEST(CanonicalJson, NamesInTheOrderOfUtf16) {  // RFC 8785, 3.2.3
  EXPECT_EQ(canon("{\"\u20ac\":1,\"\\r\":2,\"\ufb33\":3,\"1\":4,\"\U0001f600\":5,\"\u0080\":6,"
                  "\"\u00f6\":7}"),
            "{\"\\r\":2,\"1\":4,\"\u0080\":6,\"\u00f6\":7,\"\u20ac\":1,\"\U0001f600\":5,"
            "\"\ufb33\":3}");
}

TEST(CanonicalJson, OneNumberHasOneForm) {
  EXPECT_EQ(canon(R"({"a":[0,-0,0.0,1.0,1e2,100,-1.50,1e21,123456789012345680000,5e-7,1e-6]})"),
            "nothing");  // a whole number beyond 2^53
  EXPECT_EQ(canon(R"({"a":[0,-0,0.0,1.0,1e2,100,-1.50,1e21,5e-7,1e-6,9007199254740992]})"),
            R"({"a":[0,0,0,1,100,100,-1.5,1e+21,5e-7,0.000001,9007199254740992]})");
}

TEST(CanonicalJson, MembersCanBeLeftOutAtTheTop) {
  const std::string_view without[] = {"stream", "user"};
  EXPECT_EQ(canonical_json(R"({"user":"x","a":{"user":1},"str\u0065am":true})", without),
            R"({"a":{"user":1}})");
}

TEST(CanonicalJson, WhatWouldLoseSomethingHasNone) {
  for (const auto bad : {R"({"a":1,"a":2})", R"({"a":1,"\u0061":2})", R"({"a":{"b":1,"b":1}})",
                         R"({"a":9007199254740993})", R"([1])", R"({"a":01})", R"({"a":1)",
                         R"({"a":nul})", R"({"a":[1,]})", R"({"a":1}x)", "{\"a\":\"\xff\"}"}) {
    EXPECT_EQ(canon(bad), "nothing") << bad;
  }
  std::string deep = "{\"a\":";
  deep += std::string(200, '[') + std::string(200, ']') + "}";
  EXPECT_EQ(canon(deep), "nothing");
}

}  // namespace
}  // namespace hawser
