#include "dialect/merge_delta.hpp"

#include <gtest/gtest.h>

namespace hawser::dialect {
namespace {

std::string chunk(const std::string& text, const std::string& rest = R"(,"finish_reason":null)") {
  return R"(data: {"id":"c","choices":[{"index":0,"delta":{"content":")" + text + "\"}" + rest +
         "}]}\n\n";
}

TEST(MergeDelta, TextsOfChatAreJoined) {
  std::string first = chunk("Hel\\\"");
  EXPECT_TRUE(merge_delta(Api::chat, first, chunk("lo\\n")));
  EXPECT_EQ(first, chunk("Hel\\\"lo\\n"));
  EXPECT_TRUE(merge_delta(Api::chat, first, chunk("")));
  EXPECT_EQ(first, chunk("Hel\\\"lo\\n"));
}

TEST(MergeDelta, WhatDiffersElsewhereStaysTwo) {
  for (const auto& second :
       {chunk("b", R"(,"finish_reason":"stop")"), std::string("data: [DONE]\n\n"),
        std::string("data: {\"choices\":[],\"usage\":{}}\n\n"), chunk("b", R"(,"p":1)")}) {
    std::string first = chunk("a");
    EXPECT_FALSE(merge_delta(Api::chat, first, second)) << second;
    EXPECT_EQ(first, chunk("a"));
  }
  std::string numbered = "data: {\"sequence_number\":1,\"delta\":\"a\"}\n\n";
  EXPECT_FALSE(merge_delta(Api::responses, numbered, numbered));
}

TEST(MergeDelta, AnthropicsEventsWithTheirNames) {
  const auto event = [](const char* text) {
    return std::string("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",") +
           "\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"" + text + "\"}}\n\n";
  };
  std::string first = event("a");
  EXPECT_TRUE(merge_delta(Api::messages, first, event("b")));
  EXPECT_EQ(first, event("ab"));
}

TEST(MergeDelta, SpellingDecidesNothing) {
  const auto spelt = [](const std::string& text) {
    return R"(data: {"\u0063hoices": [ {"delta" : {"content" : ")" + text +
           "\"} , \"finish_reason\": null} ] }\n\n";
  };
  std::string first = spelt("a");
  EXPECT_TRUE(merge_delta(Api::chat, first, spelt("b")));
  EXPECT_EQ(first, spelt("ab"));
}

TEST(MergeDelta, TextThatLooksLikeATextStaysWhatItIs) {
  // The name of a member within a text, and a text before another.
  const std::string text = R"(\"content\":\"x\")";
  std::string first = chunk(text);
  EXPECT_TRUE(merge_delta(Api::chat, first, chunk("y")));
  EXPECT_EQ(first, chunk(text + "y"));
  const std::string two = R"(data: {"choices":[{"delta":{"reasoning_content":"a","content":"b"}}]})"
                          "\n\n";
  std::string both = two;
  EXPECT_FALSE(merge_delta(Api::chat, both, two));
  const std::string tool =
      R"(data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","function":)"
      R"({"name":"f","arguments":"a"}}]}}]})"
      "\n\n";
  std::string call = tool;
  EXPECT_FALSE(merge_delta(Api::chat, call, tool)) << "an id begins another call";
}

}  // namespace
}  // namespace hawser::dialect
