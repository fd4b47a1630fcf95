#include "base/canonical_json.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <random>
#include <vector>

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
  EXPECT_EQ(canon("{\"\u20ac\":1,\"\\r\":2,\"\ufb33\":3,\"1\":4,\"\U0001f600\":"
                  "5,\"\u0080\":6,"
                  "\"\u00f6\":7}"),
            "{\"\\r\":2,\"1\":4,\"\u0080\":6,\"\u00f6\":7,\"\u20ac\":1,"
            "\"\U0001f600\":5,"
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
  EXPECT_EQ(canon("{\"a\":\"\x01\"}"), "nothing");
  EXPECT_EQ(canon(R"({"a":"\ud800"})"), "nothing");
  EXPECT_EQ(canon(R"({"a":"\ufffd"})"), "nothing");  // perhaps such a half
  EXPECT_EQ(canon("{\"a\":\"\xef\xbf\xbd\"}"), "{\"a\":\"\xef\xbf\xbd\"}");
}

TEST(CanonicalJson, IsNestedThirtyTwoDeepAtMost) {
  const auto nested = [](int depth, std::string_view open, std::string_view close) {
    std::string text = "{\"a\":";
    for (int i = 1; i < depth; ++i) text += open;
    text += "1";
    for (int i = 1; i < depth; ++i) text += close;
    return text + "}";
  };
  EXPECT_EQ(canon(nested(canonical_depth_max, "[", "]")), nested(canonical_depth_max, "[", "]"));
  EXPECT_EQ(canon(nested(canonical_depth_max, "{\"b\":", "}")),
            nested(canonical_depth_max, "{\"b\":", "}"));
  EXPECT_EQ(canon(nested(canonical_depth_max + 1, "[", "]")), "nothing");
  EXPECT_EQ(canon(nested(canonical_depth_max + 1, "{\"b\":", "}")), "nothing");
}

// It was as slow as the text is deep: each depth was read again.
TEST(CanonicalJson, TakesNoLongerWhereItIsDeep) {
  const auto time_of = [](int depth) {
    std::string text = "{\"a\":";
    for (int i = 1; i < depth; ++i) text += i % 2 == 0 ? "[" : "{\"b\":";
    text += "[";
    while (text.size() < 4'000'000) text += R"("some words and then some more", 1234,)";
    text += "1]";
    for (int i = depth - 1; i > 0; --i) text += i % 2 == 0 ? "]" : "}";
    text += "}";
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_NE(canon(text), "nothing");
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  double flat = 1e9, deep = 1e9;
  for (int i = 0; i < 5; ++i) {
    flat = std::min(flat, time_of(1));
    deep = std::min(deep, time_of(canonical_depth_max - 1));
  }
  std::printf("figure: canonical form of 4 MB: %.1f ms flat, %.1f ms nested 31 deep\n", flat * 1e3,
              deep * 1e3);
  EXPECT_LT(deep, 3 * flat);
}

/// Property: the order of members and blanks between tokens change nothing; a
/// canonical form is its own canonical form.
TEST(CanonicalJson, IsTheSameForWhatMeansTheSame) {
  std::mt19937 random(3);
  // Two spellings of one value, made beside each other.
  const auto blanks = [&] { return std::string(random() % 3, ' '); };
  std::function<std::pair<std::string, std::string>(int)> make = [&](int depth) {
    std::pair<std::string, std::string> out;
    const auto kind = random() % (depth > 4 ? 3 : 5);
    if (kind == 0) return std::pair<std::string, std::string>("10", "1e1");
    if (kind == 1) return std::pair<std::string, std::string>(R"("a\nb")", R"("\u0061\u000ab")");
    if (kind == 2) return std::pair<std::string, std::string>("null", blanks() + "null");
    const bool object = kind == 3;
    std::vector<std::pair<std::string, std::string>> parts;
    for (std::size_t i = random() % 4; i > 0; --i) {
      auto part = make(depth + 1);
      const std::string name = object ? "\"k" + std::to_string(i) + "\":" : std::string();
      parts.push_back({name + part.first, blanks() + name + blanks() + part.second + blanks()});
    }
    for (const auto& part : parts) out.first += (out.first.empty() ? "" : ",") + part.first;
    if (object) std::shuffle(parts.begin(), parts.end(), random);
    for (const auto& part : parts) out.second += (out.second.empty() ? "" : ",") + part.second;
    const char* const brackets = object ? "{}" : "[]";
    for (auto* text : {&out.first, &out.second}) *text = brackets[0] + *text + brackets[1];
    return out;
  };
  for (int i = 0; i < 2'000; ++i) {
    const auto [one, other] = make(0);
    const std::string first = canon("{\"x\":" + one + "}");
    ASSERT_NE(first, "nothing") << one;
    ASSERT_EQ(first, canon(" {\"x\" :" + other + "} ")) << one << "\n" << other;
    ASSERT_EQ(first, canon(first));
  }
}

}  // namespace
}  // namespace hawser
