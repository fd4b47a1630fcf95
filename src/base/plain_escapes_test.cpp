#include "base/plain_escapes.hpp"

#include <gtest/gtest.h>

namespace hawser {
namespace {

TEST(PlainEscapes, NeedlessOnesAreTakenOff) {
  EXPECT_EQ(with_plain_escapes(R"({"a":"\u0041nn\u0040x\/y","b":"\u4f60\ud83d\ude00"})"),
            "{\"a\":\"Ann@x/y\",\"b\":\"\xe4\xbd\xa0\xf0\x9f\x98\x80\"}");
}

TEST(PlainEscapes, ThoseThatAreNeededStay) {
  for (const std::string text :
       {R"("\"\\\n\t")", R"("\u0022\u005c\u000a\u007f")", R"("\\u0041")"}) {
    EXPECT_EQ(with_plain_escapes(text), text);
  }
}

TEST(PlainEscapes, WhatIsNoEscapeIsLeftAlone) {
  for (const std::string text : {R"("\u00zz")", R"("\ud83d")", R"("\ud83dx")", R"("\ud83d\n")",
                                 R"("\ude00")", R"(\u00)", R"(\)", R"("\ud83d\ud83d")"}) {
    EXPECT_EQ(with_plain_escapes(text), text);
  }
}

TEST(PlainEscapes, EveryCutGivesTheSame) {
  const std::string text = R"({"a":"\u0041\\\u0042\"\ud83d\ude00\/\ud83d\u0041\n"})";
  const std::string whole = with_plain_escapes(text);
  for (std::size_t one = 0; one <= text.size(); ++one) {
    for (std::size_t two = one; two <= text.size(); ++two) {
      PlainEscapes escapes;
      std::string out;
      escapes.feed(text.substr(0, one), out);
      escapes.feed(text.substr(one, two - one), out);
      escapes.feed(text.substr(two), out);
      escapes.flush(out);
      EXPECT_EQ(out, whole);
    }
  }
}

TEST(JsonEscaped, QuotesBackslashesAndControls) {
  std::string out;
  append_json_escaped(out, "a\"b\\c\n\x01\xe4\xbd\xa0");
  EXPECT_EQ(out, "a\\\"b\\\\c\\u000a\\u0001\xe4\xbd\xa0");
}

}  // namespace
}  // namespace hawser
