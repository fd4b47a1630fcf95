#include "dialect/rewrite_text.hpp"

#include <gtest/gtest.h>

namespace hawser::dialect {
namespace {

bool shout(const FoundText& found, std::string& changed) {
  const auto text = found.text;
  if (text.find('x') == std::string_view::npos) return false;
  changed = text;
  for (char& c : changed) c = c == 'x' ? 'X' : c;
  return true;
}

TEST(RewriteText, OfARequestOnlyTextsChangeAndAllElseStaysByteForByte) {
  EXPECT_EQ(rewrite_request(R"({ "model":"x", "messages" : [ {"role":"x","content":"a x\n\"b\" "},)"
                            R"({"content":[{"type":"x","text":"x"},{"image_url":{"url":"x"}}]} ],)"
                            R"("temperature":1.0,"metadata":{"a":"x"} })",
                            shout),
            R"({ "model":"x", "messages" : [ {"role":"x","content":"a X\n\"b\" "},)"
            R"({"content":[{"type":"x","text":"X"},{"image_url":{"url":"x"}}]} ],)"
            R"("temperature":1.0,"metadata":{"a":"x"} })");
  EXPECT_EQ(rewrite_request(R"({"input":["x","y"],"instructions":"x"})", shout),
            R"({"input":["X","y"],"instructions":"X"})");
}

TEST(RewriteText, OfAnAnswer) {
  EXPECT_EQ(
      rewrite_answer(R"({"id":"x","choices":[{"message":{"content":"x","tool_calls":)"
                     R"([{"id":"x","function":{"name":"x","arguments":"{\"a\":\"x\"}"}}]}}]})",
                     shout),
      R"({"id":"x","choices":[{"message":{"content":"X","tool_calls":)"
      R"([{"id":"x","function":{"name":"x","arguments":"{\"a\":\"X\"}"}}]}}]})");
  EXPECT_EQ(rewrite_answer(R"({"error":{"message":"x","code":"x"}})", shout),
            R"({"error":{"message":"X","code":"x"}})");
}

TEST(RewriteText, WhatIsNotChangedIsNotCopied) {
  EXPECT_FALSE(rewrite_request(R"({"messages":[{"content":"abc"}]})", shout));
  EXPECT_FALSE(rewrite_request("nonsense x", shout));
  const std::string image = R"({"messages":[{"content":"data:x;base64,)" + std::string(2000, 'x');
  EXPECT_FALSE(rewrite_request(image + R"("}]})", shout));
}

}  // namespace
}  // namespace hawser::dialect
