#include "dialect/stream_texts.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace hawser::dialect {
namespace {

std::string event(std::string_view data) {
  return "data: " + std::string(data) + "\n\n";
}

AddedTexts added(Api api, const std::vector<std::string>& events) {
  StreamTexts texts(api);
  AddedTexts out;
  for (const auto& one : events) EXPECT_TRUE(texts.feed(one, out)) << one;
  return out;
}

TEST(StreamTexts, PiecesAreOneRunningText) {
  const auto out = added(
      Api::chat,
      {event(R"({"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,)"
             R"("delta":{"role":"assistant","content":"bo"},"finish_reason":null}],)"
             R"("obfuscation":"xY7"})"),
       event(R"({"choices":[{"index":0,"delta":{"content":"mb"},"finish_reason":"stop"}],)"
             R"("obfuscation":"q"})"),
       event("[DONE]"), ": a comment\n\n"});
  EXPECT_EQ(out.pieces, "bomb");
  EXPECT_EQ(out.wholes, "");
}

TEST(StreamTexts, WhatRepeatsATextAddsNothing) {
  const auto out =
      added(Api::responses,
            {event(R"({"type":"response.output_text.delta","delta":"all "})"),
             event(R"({"type":"response.output_text.delta","delta":"well"})"),
             event(R"({"type":"response.output_text.done","text":"all well"})"),
             event(R"({"type":"response.completed","response":{"id":"r","output":[{"type":)"
                   R"("message","content":[{"type":"output_text","text":"all well"}]}]}})")});
  EXPECT_EQ(out.pieces, "all well");
  EXPECT_EQ(out.wholes, "");
}

TEST(StreamTexts, WhateverMemberATextStandsInItIsAdded) {
  for (const auto api :
       {Api::chat, Api::completions, Api::responses, Api::response, Api::messages}) {
    for (
        const char* data :
        {R"({"choices":[{"message":{"content":"SECRET"}}]})", R"({"output_text":"SECRET"})",
         R"({"type":"response.completed","response":{"output":[{"content":[{"text":"SECRET"}]}]}})",
         R"({"type":"response.output_item.done","item":{"arguments":"{\"a\":\"\\u0053ECRET\"}"}})",
         R"({"type":"content_block_start","content_block":{"text":"SECRET"}})",
         R"({"delta":["SECRET"]})", R"({"type":"SECRET"})", R"({"SECRET":1})",
         R"({"choices":[{"delta":{"cont\u0065nt":"SE\u0043RET"}}]})"}) {
      const auto out = added(api, {event(data)});
      EXPECT_NE((out.pieces + out.wholes).find("SECRET"), std::string::npos) << data;
    }
  }
}

TEST(StreamTexts, AnEventThatCannotBeReadIsTold) {
  for (const char* data :
       {"SECRET", "[\"SECRET\"]", "\"SECRET\"", "{\"a\":", "{\"a\":1} x", "[DONE"}) {
    StreamTexts texts(Api::chat);
    AddedTexts out;
    EXPECT_FALSE(texts.feed(event(data), out)) << data;
  }
}

}  // namespace
}  // namespace hawser::dialect
