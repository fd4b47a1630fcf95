#include "dialect/rewrite_text.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "base/json.hpp"
#include "base/plain_escapes.hpp"

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
  auto changed = rewrite_texts(Shape::chat_request, json, shout);
  EXPECT_TRUE(changed) << json;
  if (!changed || !changed->json) return std::string(json);
  return std::move(*changed->json);
}

std::vector<std::string> texts(std::string_view json) {
  std::vector<std::string> out;
  (void)rewrite_texts(Shape::chat_request, json, [&](const FoundText& found, std::string&) {
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
  EXPECT_FALSE(rewrite_texts(Shape::chat_request, "nonsense x", shout));
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

TEST(RewriteText, ArgumentsAreJsonThemselves) {
  bool json = false;
  (void)rewrite_texts(R"({"function":{"arguments":"{\"a\":1}"}})",
                      [&](const FoundText& found, std::string&) {
                        json = found.json;
                        return false;
                      });
  EXPECT_TRUE(json);
}

/// Linear, whatever is in it: a second for each of these would show.
TEST(RewriteText, MuchJsonInJsonIsSoonRead) {
  std::string small, deep = "x";
  for (int i = 0; i < 100'000; ++i) small += R"("[\"\\n\",1.5]",)";
  for (int i = 0; i < 18; ++i) {
    std::string around = "[";
    append_json_string(around, deep);
    deep = around + "]";
  }
  for (const std::string& json : {R"({"messages":[)" + small + "1]}", deep}) {
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_FALSE(texts(json).empty());
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
  }
  bool found = false;
  for (const auto& text : texts(deep)) found = found || text == R"(["x"])";
  EXPECT_TRUE(found);
}

// What decides something is not given another form by whoever looks for texts.
TEST(RewriteText, TellsWhatIsFixed) {
  const auto fixed = [](std::string_view json) {
    bool found_it = false, is_fixed = false;
    (void)rewrite_texts(Shape::chat_request, json, [&](const FoundText& found, std::string&) {
      const std::string text =
          found.json ? with_plain_escapes(found.text) : std::string(found.text);
      if (text.find("SECRET") == std::string::npos) return false;
      found_it = true;
      is_fixed = found.fixed;
      return false;
    });
    EXPECT_TRUE(found_it) << json;
    return is_fixed;
  };
  for (const auto* json :
       {R"({"moSECRETdels":["big"]})", R"({"metadata":{"aSECRET":1}})", R"({"SECRET":1})",
        R"({"service_tier":"prSECRETiority"})", R"({"model":"a SECRET"})",
        R"({"unknown":"SECRET"})", R"({"unknown":{"a":["SECRET"]}})",
        R"({"unknown":"{\"a\":\"\\u0053ECRET\"}"})",
        R"({"messages":[{"content":"a","tool_call_id":"x SECRET"}]})",
        R"({"quality":"hiSECRETgh"})"}) {
    EXPECT_TRUE(fixed(json)) << json;
  }
  for (const auto* json :
       {R"({"messages":[{"content":"SECRET"}]})", R"({"metadata":{"a":"SECRET"}})",
        R"({"user":"SECRET"})", R"({"messages":[{"content":[{"type":"text","text":"SECRET"}]}]})",
        R"({"input":["SECRET"]})", R"({"prompt":"SECRET"})", R"({"instructions":"SECRET"})",
        R"({"tools":[{"function":{"description":"SECRET"}}]})"}) {
    EXPECT_FALSE(fixed(json)) << json;
  }
}

}  // namespace
}  // namespace hawser::dialect
