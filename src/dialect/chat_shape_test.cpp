#include "dialect/chat_shape.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace hawser::dialect {
namespace {

namespace json = boost::json;

std::string chunk(std::string_view choices, std::string_view rest = "") {
  return R"(data: {"id":"c1","object":"chat.completion.chunk","created":5,)"
         R"("model":"m","choices":[)" +
         std::string(choices) + "]" + std::string(rest) + "}\n\n";
}
std::string choice(std::string_view delta, std::string_view finish = "null") {
  return chunk(R"({"index":0,"delta":)" + std::string(delta) +
               R"(,"logprobs":null,"finish_reason":)" + std::string(finish) + "}");
}
const std::string stream =
    choice(R"({"role":"assistant","content":""})") + choice(R"({"content":"Hel"})") +
    ": a comment\n\n" + choice(R"({"content":"lo"})") + choice("{}", "\"stop\"") +
    chunk("", R"(,"usage":{"prompt_tokens":3,"completion_tokens":2})") + "data: [DONE]\n\n";
const std::string body =

    R"({"id":"c1","object":"chat.completion","created":5,"model":"m",)"
    R"("choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},)"
    R"("logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,)"
    R"("completion_tokens":2}})";

TEST(ChatShape, AStreamComesToItsBody) {
  const auto whole = body_of_stream(Api::chat, stream);
  ASSERT_TRUE(whole);
  EXPECT_EQ(json::parse(*whole), json::parse(body));
}

TEST(ChatShape, ABodyAsAStreamComesToItselfAgain) {
  const std::string tools =

      R"({"id":"c1","object":"chat.completion","created":5,"model":"m",)"
      R"("choices":[{"index":0,"message":{"role":"assistant","content":null,)"
      R"("tool_calls":[{"id":"t1","type":"function","function":{"name":"f",)"
      R"("arguments":"{\"a\":1}"}},{"id":"t2","type":"function","function":{"name":"g",)"
      R"("arguments":"{}"}}]},"logprobs":null,"finish_reason":"tool_calls"},{"index":1,)"
      R"("message":{"role":"assistant","content":"A longer text with umlauts \u00e4\u00f6)"
      R"(\u00fc and \u4f60\u597d, cut at its words, more than once.",)"
      R"("reasoning_content":"hm"},"logprobs":null,"finish_reason":"length"}],)"
      R"("usage":{"prompt_tokens":3}})";
  for (const auto& whole : {body, tools}) {
    const auto frames = stream_of_body(Api::chat, whole, true);
    ASSERT_TRUE(frames);
    EXPECT_TRUE(frames->ends_with("data: [DONE]\n\n"));
    const auto again = body_of_stream(Api::chat, *frames);
    ASSERT_TRUE(again) << *frames;
    EXPECT_EQ(json::parse(*again), json::parse(whole));
  }
  EXPECT_EQ(stream_of_body(Api::chat, body, false)->find("usage"), std::string::npos);
}

TEST(ChatShape, Completions) {
  const std::string whole =

      R"({"id":"c","object":"text_completion","created":5,"model":"m",)"
      R"("choices":[{"index":0,"text":"one two","logprobs":null,"finish_reason":"stop"}]})";
  const auto frames = stream_of_body(Api::completions, whole, false);
  ASSERT_TRUE(frames);
  EXPECT_EQ(json::parse(*body_of_stream(Api::completions, *frames)), json::parse(whole));
}

TEST(ChatShape, AResponseStandsInItsLastEvent) {
  EXPECT_EQ(*body_of_stream(Api::responses,
                            "event: response.created\ndata: {\"type\":\"response.created\"}\n\n"
                            "event: response.completed\ndata: {\"type\":\"response.completed\","
                            "\"response\":{\"id\":\"r\",\"status\":\"completed\"}}\n\n"),
            R"({"id":"r","status":"completed"})");
}

TEST(ChatShape, AMessageOfAnthropic) {
  const auto event = [](std::string_view data) { return "data: " + std::string(data) + "\n\n"; };
  const std::string frames =
      event(R"({"type":"message_start","message":{"id":"m","role":"assistant","content":[],)"
            R"("stop_reason":null,"usage":{"input_tokens":3,"output_tokens":1}}})") +
      event(
          R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})") +
      event(R"({"type":"ping"})") +
      event(

          R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta",)"
          R"("text":"Hel"}})") +
      event(
          R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"lo"}})") +
      event(R"({"type":"content_block_stop","index":0})") +
      event(R"({"type":"content_block_start","index":1,)"
            R"("content_block":{"type":"tool_use","id":"t","name":"f","input":{}}})") +
      event(R"({"type":"content_block_delta","index":1,)"
            R"("delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}})") +
      event(R"({"type":"content_block_stop","index":1})") +
      event(R"({"type":"message_delta","delta":{"stop_reason":"tool_use"},)"
            R"("usage":{"output_tokens":9}})");
  const auto whole = body_of_stream(Api::messages, frames + event(R"({"type":"message_stop"})"));
  ASSERT_TRUE(whole);
  EXPECT_EQ(
      json::parse(*whole),
      json::parse(R"({"id":"m","role":"assistant","content":[{"type":"text","text":"Hello"},)"
                  R"({"type":"tool_use","id":"t","name":"f","input":{"a":1}}],)"
                  R"("stop_reason":"tool_use","usage":{"input_tokens":3,"output_tokens":9}})"));
  EXPECT_TRUE(ending_of(Api::messages, *whole).whole);
  EXPECT_FALSE(body_of_stream(Api::messages, frames));
  EXPECT_FALSE(body_of_stream(Api::messages, frames + event(R"({"type":"error","error":{}})")));
}

TEST(ChatShape, WhatIsNotWholeHasNone) {
  EXPECT_FALSE(body_of_stream(Api::chat, stream.substr(0, stream.find("data: [DONE]"))));
  EXPECT_FALSE(body_of_stream(Api::chat, "data: {\"error\":{\"message\":\"x\"}}\n\n" + stream));
  EXPECT_FALSE(body_of_stream(Api::chat, "data: nonsense\n\n" + stream));
  EXPECT_FALSE(stream_of_body(Api::chat, R"({"error":{}})", false));
  EXPECT_FALSE(stream_of_body(
      Api::chat, R"({"choices":[{"message":{"content":"x","audio":{"id":"a"}}}]})", false));
  EXPECT_FALSE(body_of_stream(Api::messages, stream));
}

TEST(ChatShape, Endings) {
  EXPECT_TRUE(ending_of(Api::chat, body).whole);
  EXPECT_TRUE(ending_of(Api::chat, R"({"choices":[{"finish_reason":"length"}]})").length);
  EXPECT_TRUE(ending_of(Api::chat, R"({"choices":[{"finish_reason":"content_filter"}]})").filtered);
  EXPECT_FALSE(ending_of(Api::chat, R"({"choices":[{"finish_reason":null}]})").whole);
  EXPECT_FALSE(ending_of(Api::chat, R"({"error":{"message":"x"},"choices":[]})").whole);
  EXPECT_FALSE(ending_of(Api::responses, R"({"status":"incomplete"})").whole);
  EXPECT_TRUE(ending_of(Api::embeddings, R"({"data":[]})").whole);
}

}  // namespace
}  // namespace hawser::dialect
