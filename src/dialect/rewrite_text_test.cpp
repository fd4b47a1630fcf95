#include "dialect/rewrite_text.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "base/json.hpp"

namespace hawser::dialect {
namespace {

bool shout(const FoundText& found, std::string& changed) {
  const auto text = found.text;
  if (text.find('x') == std::string_view::npos) return false;
  changed = text;
  for (char& c : changed) c = c == 'x' ? 'X' : c;
  return true;
}

std::string rewritten(std::string_view json) {
  auto changed = rewrite_texts(json, shout);
  EXPECT_TRUE(changed) << json;
  if (!changed || !*changed) return std::string(json);
  return std::move(**changed);
}

std::vector<std::string> texts(std::string_view json) {
  std::vector<std::string> out;
  (void)rewrite_texts(json, [&](const FoundText& found, std::string&) {
    out.emplace_back(found.text);
    return false;
  });
  return out;
}

TEST(RewriteText, TextsChangeAndAllElseStaysByteForByte) {
  EXPECT_EQ(rewritten(R"({ "model":"x", "messages" : [ {"role":"user","content":"a x\n\"b\" "},)"
                      R"({"content":[{"type":"text","text":"x"}],"tool_call_id":"x"} ],)"
                      R"("temperature":1.0,"metadata":{"a":"x"} })"),
            R"({ "model":"x", "messages" : [ {"role":"user","content":"a X\n\"b\" "},)"
            R"({"content":[{"type":"text","text":"X"}],"tool_call_id":"x"} ],)"
            R"("temperature":1.0,"metadata":{"a":"X"} })");
  EXPECT_EQ(rewritten(R"({"input":["x","y"],"instructions":"x"})"),
            R"({"input":["X","y"],"instructions":"X"})");
  EXPECT_FALSE(*rewrite_texts(R"({"messages":[{"content":"abc"}]})", shout));
  EXPECT_FALSE(rewrite_texts("nonsense x", shout));
}

TEST(RewriteText, WhateverATextIsCalledItIsSeen) {
  for (const char* json :
       {R"({"messag\u0065s":[{"content":"SECRET"}]})",
        R"({"requests":[{"params":{"messages":[{"content":"SECRET"}]}}]})", R"({"query":"SECRET"})",
        R"({"content":"SECRET"})", R"({"messages":[{"name":"SECRET"}]})",
        R"({"image_url":{"url":"SECRET"}})", R"({"source":{"data":"SECRET"}})",
        R"({"tools":[{"function":{"parameters":{"properties":{"SECRET":{"type":"string"}}}}}]})",
        R"({"tools":[{"function":{"parameters":{"properties":{"a":{"description":"SECRET"}}}}}]})",
        R"({"metadata":{"id":"SECRET"}})", R"({"messages":[{"role":"SECRET"}]})",
        R"({"messages":[{"content":[{"type":"SECRET"}]}]})", R"({"user":"SECRET"})",
        R"({"messages":[{"content":[{"input":{"id":"SECRET"}}]}]})", R"({"stop":["SECRET"]})",
        R"([["SECRET"]])", R"("SECRET")", R"({"SECRET":1})",
        R"({"messages":[{"content":"S\u0045CRET"}]})"}) {
    bool seen = false;
    for (const auto& text : texts(json)) seen = seen || text == "SECRET";
    EXPECT_TRUE(seen) << json;
  }
}

TEST(RewriteText, LongTextsWithoutBlanksAreTexts) {
  std::string chinese;
  for (int i = 0; i < 2'000; ++i) chinese += "\xe4\xb8\xad";
  for (const std::string& text :
       {chinese, std::string(5'000, 'a') + "\t" + std::string(5'000, 'b'),
        "data:" + std::string(3'000, '!'), "data:text/plain," + std::string(3'000, 'x'),
        std::string(4'001, 'A') + "-x."}) {
    std::string json = R"({"messages":[{"content":)";
    append_json_string(json, text);
    EXPECT_EQ(texts(json + "}]}"), std::vector<std::string>{text});
    json = R"({"messages":[{"content":[{"image_url":{"url":)";
    append_json_string(json, text);
    EXPECT_EQ(texts(json + "}}]}]}"), std::vector<std::string>{text});
  }
}

TEST(RewriteText, Base64IsNoTextWhereTheProtocolHasIt) {
  const std::string bytes(4'000, 'A');
  EXPECT_TRUE(texts(R"({"image_url":{"url":"data:image/png;base64,)" + bytes + R"("}})").empty());
  EXPECT_TRUE(texts(R"({"source":{"type":"base64","data":")" + bytes + R"("}})").empty());
  EXPECT_TRUE(texts(R"({"signature":")" + bytes + R"("})").empty());
  EXPECT_EQ(texts(R"({"content":")" + bytes + R"("})").size(), 1u);
  EXPECT_EQ(texts(R"({"arguments":{"data":")" + bytes + R"("}})").size(), 1u);
}

TEST(RewriteText, WholeNumbersOfTheUsersOwnAreTexts) {
  const auto digits = std::vector<std::string>{"4111111111111111"};
  EXPECT_EQ(texts(R"({"metadata":{"id":4111111111111111}})"), digits);
  EXPECT_EQ(texts(R"({"messages":[{"content":[{"input":{"id":[4111111111111111]}}]}]})"), digits);
  EXPECT_TRUE(texts(R"({"created":1700000000,"usage":{"total_tokens":1234567}})").empty());
  EXPECT_TRUE(texts(R"({"metadata":{"id":[12345,true,null,3.14159265]}})").empty());
  auto changed = rewrite_texts(R"({"metadata":{"id":4111111111111111,"description":1}})",
                               [](const FoundText&, std::string& to) {
                                 to = "[CARD]";
                                 return true;
                               });
  ASSERT_TRUE(changed && *changed);
  EXPECT_EQ(**changed, R"({"metadata":{"id":"[CARD]","description":1}})");
}

TEST(RewriteText, ArgumentsAreJsonThemselves) {
  bool json = false;
  (void)rewrite_texts(R"({"function":{"arguments":"{\"a\":1}"}})",
                      [&](const FoundText& found, std::string&) {
                        json = found.json;
                        return false;
                      });
  EXPECT_TRUE(json);
}

}  // namespace
}  // namespace hawser::dialect
