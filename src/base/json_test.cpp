#include "base/json.hpp"

#include <gmock/gmock.h>

#include "base/utf8.hpp"

namespace hawser {
namespace {

TEST(Json, MembersAreCutOutAsTheyStand) {
  const std::string_view object = R"( {"a" : 1.50, "b\u0062":"x\"}", "d": {"q":[1, {"a":2}]} } )";
  EXPECT_EQ(json_member(object, "a"), "1.50");
  EXPECT_EQ(json_member(object, "bb"), R"("x\"}")");
  EXPECT_EQ(json_member(object, "d"), R"({"q":[1, {"a":2}]})");
  EXPECT_EQ(json_member(object, "q"), "");
  EXPECT_EQ(json_member("[1]", "a"), "");
  EXPECT_EQ(json_text(object, "bb"), "x\"}");
  EXPECT_EQ(json_text(object, "a"), std::nullopt);
  EXPECT_EQ(json_number(R"({"n":17,"f":1.5,"m":-1})", "n"), 17u);
  EXPECT_EQ(json_number(R"({"n":17,"f":1.5,"m":-1})", "f"), std::nullopt);
  EXPECT_EQ(json_number(R"({"n":17,"f":1.5,"m":-1})", "m"), std::nullopt);
}

TEST(Json, StringsMeanUtf8) {
  std::string out;
  EXPECT_TRUE(decode_json_string(R"("a\n\u00e4\ud83d\ude00\/")", out));
  EXPECT_EQ(out, "a\n\303\244\360\237\230\200/");
  EXPECT_TRUE(decode_json_string(R"("\ud83d!")", out));
  EXPECT_EQ(out, "\xef\xbf\xbd!");
  EXPECT_FALSE(decode_json_string(R"("\u12")", out));
  EXPECT_FALSE(decode_json_string(R"("\x")", out));
  EXPECT_FALSE(decode_json_string("17", out));
}

TEST(Json, WhatIsWrittenIsReadAgain) {
  const std::string text = std::string("a\"\\\n\t\x01 \303\244\360\237\230\200\x7f") + '\0';
  std::string token, back;
  append_json_string(token, text);
  EXPECT_TRUE(is_json(token));
  EXPECT_TRUE(decode_json_string(token, back));
  EXPECT_EQ(back, text);
  token.clear();
  append_json_string(token, "a\xff\xe4z");
  EXPECT_EQ(token, "\"a\xef\xbf\xbd\xef\xbf\xbdz\"");
}

TEST(Json, OnlyOneWholeValueIsJson) {
  for (const char* good : {"1", "-0.5e+3", "null", "\"a\\u00e4\"", " [1,{\"a\":[]}] ", "{}", "0"}) {
    EXPECT_TRUE(is_json(good)) << good;
  }
  for (const char* bad :
       {"", "01", "1.", "[1,]", "{\"a\"}", "{a:1}", "nul", "\"\\x\"", "\"a", "[", "1 2", "[DONE]",
        "\"\n\"", "-", "{\"a\":1,}", "\"\\u12g4\"", "\"\xff\""}) {
    EXPECT_FALSE(is_json(bad)) << bad;
  }
  EXPECT_FALSE(is_json(std::string(1000, '[') + std::string(1000, ']')));
}

TEST(Utf8, IsCheckedHoweverItIsCut) {
  const std::string good = "a\303\244\342\202\254\360\237\230\200";
  for (std::size_t cut = 0; cut <= good.size(); ++cut) {
    Utf8Checker checker;
    EXPECT_TRUE(checker.feed(good.substr(0, cut)));
    EXPECT_TRUE(checker.feed(good.substr(cut)));
    EXPECT_TRUE(checker.complete());
  }
  for (const char* bad : {"\x80", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3("}) {
    EXPECT_FALSE(Utf8Checker().feed(bad)) << bad;
  }
  Utf8Checker half;
  EXPECT_TRUE(half.feed("\xe2\x82"));
  EXPECT_FALSE(half.complete());
}

}  // namespace
}  // namespace hawser
