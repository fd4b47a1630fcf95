#include "dialect/stream_reader.hpp"

#include <gtest/gtest.h>

namespace hawser::dialect {
namespace {

StreamReader after(AnswerFormat format, std::string_view frames, std::uint32_t choices = 1) {
  StreamReader reader(format, choices);
  reader.read(frames);
  return reader;
}

std::string chunk(const std::string& text, const std::string& rest = R"(,"finish_reason":null)",
                  const std::string& more = "") {
  return R"(data: {"id":"c","choices":[{"index":0,"delta":{"content":")" + text + "\"}" + rest +
         "}]" + more + "}\n\n";
}

constexpr auto chat = AnswerFormat::chat;

TEST(StreamReader, AChatEndsByItsFinishReasonOrByDone) {
  EXPECT_FALSE(after(chat, chunk("a")).complete());
  EXPECT_FALSE(after(chat, chunk("a", R"(,"finish_reason":"")")).complete());
  EXPECT_FALSE(after(chat, chunk("a", "")).complete());
  EXPECT_FALSE(after(chat, chunk("a", R"(,"finish_reason":null)", R"(,"error":null)")).complete());
  EXPECT_TRUE(after(chat, chunk("a", R"(,"finish_reason":"stop")")).complete());
  EXPECT_TRUE(after(chat, chunk("a", R"(,"finish_\u0072eason": "stop")")).complete());
  EXPECT_FALSE(after(chat, chunk("a", R"(,"finish_reason":"stop")")).ended());
  EXPECT_TRUE(after(chat, "data: [DONE]\n\n").ended());
  EXPECT_TRUE(after(chat, "data:[DONE]\r\n\r\n").ended());
  EXPECT_TRUE(after(chat, chunk("a") + "data: [DONE]\n\n").ended());
}

TEST(StreamReader, WhatStandsBehindTheEndIsNotRead) {
  const std::string behind = chunk("behind") + ": comment\n\ndata: [DONE]\n\n" +
                             "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9}}\n\n";
  struct Ending {
    AnswerFormat format;
    std::string frames;
  };
  for (const auto& [format, frames] :
       {Ending{chat, chunk("a") + "data: [DONE]\n\n"}, Ending{chat, "data: [DONE]\r\n\r\n"},
        Ending{chat,
               "\xEF\xBB\xBF"
               "data: [DONE]\n\n"},
        Ending{chat, "data: {\"error\":{\"message\":\"x\"}}\n\n"},
        Ending{AnswerFormat::completions, "data: [DONE]\n\n"},
        Ending{AnswerFormat::messages,
               "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"},
        Ending{AnswerFormat::gemini, "data: {\"error\":{\"code\":500}}\n\n"},
        Ending{AnswerFormat::responses,
               "data: {\"type\":\"response.completed\",\"response\":{}}\n\n"}}) {
    StreamReader reader(format);
    EXPECT_EQ(reader.read(frames + behind), frames.size()) << frames;
    EXPECT_TRUE(reader.ended());
    EXPECT_FALSE(reader.usage().known);
    EXPECT_EQ(reader.read(behind), 0u);
  }
  StreamReader open(chat);
  EXPECT_EQ(open.read(chunk("a", R"(,"finish_reason":"stop")")),
            chunk("a", R"(,"finish_reason":"stop")").size());
  StreamReader other(AnswerFormat::other);  // no end of it is known
  EXPECT_EQ(other.read("data: [DONE]\n\n" + behind), 14 + behind.size());
}

TEST(StreamReader, OneDoneBehindAnotherEndIsTheAnswersLastWord) {
  const std::string done = "data: [DONE]\n\n";
  const std::string error = "data: {\"error\":{\"message\":\"x\"}}\n\n";
  const std::string completed = "data: {\"type\":\"response.completed\",\"response\":{}}\n\n";
  for (const auto& [format, end] :
       {std::pair(chat, error), std::pair(AnswerFormat::responses, completed)}) {
    StreamReader at_once(format);
    EXPECT_EQ(at_once.read(end + done + done), (end + done).size());
    StreamReader later(format);
    EXPECT_EQ(later.read(end), end.size());
    EXPECT_FALSE(later.closed());
    EXPECT_EQ(later.read(done + done), done.size());
    EXPECT_TRUE(later.closed());
    StreamReader other(format);
    EXPECT_EQ(other.read(end), end.size());
    EXPECT_EQ(other.read(end + done), 0u);
    EXPECT_TRUE(other.closed());
  }
}

TEST(StreamReader, TheServiceTierIsTheLastThatIsTold) {
  const auto told = [](const char* tier) {
    return chunk("a", R"(,"finish_reason":null)", std::string(R"(,"service_tier":)") + tier);
  };
  EXPECT_EQ(after(chat, chunk("a")).usage().tier, ServiceTier::standard);
  EXPECT_EQ(after(chat, told(R"("auto")") + told(R"("priority")") + chunk("b")).usage().tier,
            ServiceTier::priority);
  EXPECT_EQ(after(chat, told(R"("flex")") + told("null")).usage().tier, ServiceTier::flex);
  // Of a response its last event counts: the first repeats what was asked for.
  EXPECT_EQ(
      after(AnswerFormat::responses,
            "data: {\"type\":\"response.created\",\"response\":{\"service_tier\":\"priority\"}}\n\n"
            "data: {\"type\":\"response.completed\",\"response\":{\"service_tier\":\"default\","
            "\"usage\":{\"input_tokens\":1}}}\n\n")
          .usage()
          .tier,
      ServiceTier::standard);
}

TEST(StreamReader, TextOfTheAnswerIsNoEnd) {
  for (const char* text :
       {"[DONE]", R"(data: [DONE]\n\n)", R"(\"finish_reason\":\"stop\")", R"(\"error\":{\"a\":1})",
        R"(event: response.completed)", R"(\"usage\":{\"prompt_tokens\":9})"}) {
    for (const auto& frame :
         {chunk(text), chunk(text, ""), chunk(text, R"(,"finish_reason":"")")}) {
      // The second one may be told by its shape.
      const auto reader = after(chat, chunk("a") + frame + frame);
      EXPECT_FALSE(reader.complete()) << frame;
      EXPECT_FALSE(reader.usage().known) << frame;
    }
  }
}

TEST(StreamReader, AllChoicesAreToBeFinished) {
  const auto end = [](int index) {
    return R"(data: {"choices":[{"index":)" + std::to_string(index) +
           R"(,"delta":{},"finish_reason":"stop"}]})" + "\n\n";
  };
  EXPECT_FALSE(after(chat, end(0), 2).complete());
  EXPECT_FALSE(after(chat, end(0) + end(0), 2).complete());
  EXPECT_TRUE(after(chat, end(0) + end(1), 2).complete());
}

TEST(StreamReader, ResponsesAndMessagesEndByTheirEvents) {
  const auto response = [](std::string_view type) {
    return "event: " + std::string(type) + "\ndata: {\"sequence_number\":3,\"type\":\"" +
           std::string(type) + "\"}\n\n";
  };
  for (const char* type : {"response.completed", "response.incomplete", "response.failed"}) {
    EXPECT_TRUE(after(AnswerFormat::responses, response(type)).ended()) << type;
  }
  EXPECT_FALSE(after(AnswerFormat::responses, response("response.created")).complete());
  EXPECT_FALSE(after(AnswerFormat::responses,
                     "event: response.output_text.delta\ndata: "
                     "{\"type\":\"response.output_text.delta\",\"delta\":"
                     "\"event: response.completed\\n\"}\n\n")
                   .complete());
  EXPECT_TRUE(after(AnswerFormat::messages, "data: {\"type\":\"message_stop\"}\n\n").ended());
  EXPECT_FALSE(
      after(AnswerFormat::messages,
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":"
            "{\"type\":\"text_delta\",\"text\":\"message_stop error\"}}\n\n")
          .complete());
}

TEST(StreamReader, ErrorsInEveryProvidersForm) {
  struct Case {
    AnswerFormat format;
    const char* frame;
  };
  const Case cases[] = {
      {chat, "data: {\"error\":{\"message\":\"x\"}}\n\n"},
      {chat,
       "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},"
       "\"finish_reason\":\"error\"}],\"error\":{\"code\":502}}\n\n"},
      {chat, ": hi\n\nevent: error\ndata: {}\n\n"},
      {chat, "data: {\"code\":\"x\",\"error\":\"no such key\"}\n\n"},
      {chat, "data: {\"object\": \"error\",\"message\":\"m\",\"code\":40001}\n\n"},
      {chat, "data: {\"code\":\"InvalidParameter\",\"message\":\"m\",\"request_id\":\"r\"}\n\n"},
      {AnswerFormat::messages,
       "data: {\"error\":{\"type\":\"overloaded_error\"},\"type\":\"error\"}\n\n"},
      {AnswerFormat::responses, "data: {\"type\":\"error\",\"code\":\"x\"}\n\n"},
      {AnswerFormat::responses,
       "data: {\"type\":\"response.created\"}\n\ndata: {\"type\":\"response.failed\"}\n\n"},
      {AnswerFormat::gemini, "data: {\"error\":{\"code\":429}}\r\n\r\n"},
  };
  for (const auto& [format, frame] : cases) {
    const auto reader = after(format, frame);
    EXPECT_TRUE(reader.failed_first()) << frame;
    EXPECT_TRUE(reader.complete()) << frame;
  }
  EXPECT_FALSE(after(chat, chunk("a") + "data: {\"error\":{\"m\":1}}\n\n").failed_first());
  EXPECT_FALSE(after(chat, chunk("a", R"(,"finish_reason":null)", R"(,"error":{})")).failed());
  EXPECT_FALSE(after(AnswerFormat::other, "data: {\"x\":1}\n\n").failed());
}

TEST(StreamReader, CountsTotalsOnce) {
  const auto total = [](int output) {
    return chunk(
        "a", R"(,"finish_reason":null)",
        R"(,"usage":{"prompt_tokens":5,"completion_tokens":)" + std::to_string(output) + "}");
  };
  const auto reader = after(chat, total(1) + total(2) + total(3) + total(3));
  EXPECT_EQ(reader.usage().input, 5u);
  EXPECT_EQ(reader.usage().output, 3u);
}

TEST(StreamReader, FindsTheChunkOfUsage) {
  const std::string usage =
      "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":9}}\n\n";
  StreamReader reader(chat);
  reader.read(chunk("a") + usage + "data: [DONE]\n\n");
  EXPECT_EQ(reader.usage_chunk().at, chunk("a").size());
  EXPECT_EQ(reader.usage_chunk().size, usage.size());
  EXPECT_EQ(reader.usage().output, 9u);
  reader.read(chunk("b"));
  EXPECT_EQ(reader.usage_chunk().size, 0u);
}

TEST(StreamReader, GeminisAnswer) {
  const auto reader = after(
      AnswerFormat::gemini,
      "data: "
      "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"STOP\"}],"
      "\"usageMetadata\":{\"promptTokenCount\":7,\"candidatesTokenCount\":2,"
      "\"thoughtsTokenCount\":30,\"totalTokenCount\":39}}\r\n\r\n");
  EXPECT_TRUE(reader.finished());
  EXPECT_EQ(reader.usage().input, 7u);
  EXPECT_EQ(reader.usage().output, 32u);
  EXPECT_EQ(reader.usage().reasoning, 30u);
}

TEST(StreamReader, TellsCommentsFromData) {
  StreamReader reader(chat);
  reader.read(": keep-alive\n\n");
  EXPECT_FALSE(reader.any_data());
  reader.read(
      "\xEF\xBB\xBF"
      "data: {}\n\n");
  EXPECT_TRUE(reader.any_data());
}

TEST(DeltaShape, IsTheSameEventButForItsText) {
  DeltaShape shape;
  const std::string frame = chunk("word");
  const auto begin = frame.find("word");
  shape.learn(frame, begin, begin + 4);
  EXPECT_EQ(shape.match(frame).frame, frame.size());
  EXPECT_EQ(shape.match(chunk("") + frame).frame, chunk("").size());
  EXPECT_EQ(shape.match(chunk(R"(a \"quoted\" \\)")).text, 15u);
  EXPECT_EQ(shape.match(chunk("a", R"(,"finish_reason":"x")")).frame, 0u);
  EXPECT_EQ(shape.match(chunk("a\nb")).frame, 0u);
  EXPECT_EQ(shape.match(chunk("a\\\nb")).frame, 0u);
  for (std::size_t size = 0; size < frame.size(); ++size) {
    EXPECT_EQ(shape.match(frame.substr(0, size)).frame, 0u) << size;
  }
}

TEST(ContentForm, IsToldByTheFirstBytes) {
  EXPECT_EQ(form_of("data: x"), ContentForm::events);
  EXPECT_EQ(form_of(": hi\n"), ContentForm::events);
  EXPECT_EQ(form_of("\n\n event: x"), ContentForm::events);
  EXPECT_EQ(form_of("\xEF\xBB\xBF"
                    "data:x"),
            ContentForm::events);
  EXPECT_EQ(form_of(" {\"data\":1}"), ContentForm::json);
  EXPECT_EQ(form_of("[{}]"), ContentForm::json);
  EXPECT_EQ(form_of(" \r\n"), ContentForm::unknown);
  EXPECT_EQ(form_of("da"), ContentForm::unknown);
  EXPECT_EQ(form_of("database"), ContentForm::other);
  EXPECT_EQ(form_of("<html>"), ContentForm::other);
}

/// The provider's last word, not a total that still runs.
TEST(StreamReader, WhichUsageIsFinal) {
  const std::string some = R"(,"usage":{"prompt_tokens":9,"completion_tokens":1})";
  const std::string running = chunk("a", R"(,"finish_reason":null)", some);
  const std::string stop = chunk("", R"(,"finish_reason":"stop")");
  const std::string last = R"(data: {"choices":[])" + some + "}\n\n";
  EXPECT_FALSE(after(chat, running).usage_final());
  EXPECT_FALSE(after(chat, running + stop).usage_final());
  EXPECT_TRUE(after(chat, running + stop + last).usage_final());
  EXPECT_TRUE(after(chat, chunk("a", R"(,"finish_reason":"stop")", some)).usage_final());
  EXPECT_TRUE(after(chat, running + stop + "data: [DONE]\n\n").usage_final());
  EXPECT_FALSE(after(chat, stop + "data: [DONE]\n\n").usage_final());

  const auto event = [](const std::string& json) { return "data: " + json + "\n\n"; };
  const std::string start =
      event(R"({"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}})");
  const std::string delta = event(
      R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7}})");
  const std::string silent =
      event(R"({"type":"message_delta","delta":{"stop_reason":"end_turn"}})");
  const std::string end = event(R"({"type":"message_stop"})");
  constexpr auto messages = AnswerFormat::messages;
  EXPECT_FALSE(after(messages, start).usage_final());
  EXPECT_TRUE(after(messages, start + delta).usage_final());
  EXPECT_FALSE(after(messages, start + silent + end).usage_final());

  const auto gemini = [&](const char* reason, const char* usage) {
    return event(std::string(R"({"candidates":[{"index":0,"content":{"parts":[{"text":"a"}]})") +
                 reason + "}]" + usage + "}");
  };
  const auto* tokens = R"(,"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":1})";
  constexpr auto google = AnswerFormat::gemini;
  EXPECT_FALSE(after(google, gemini("", tokens)).usage_final());
  EXPECT_TRUE(after(google, gemini(R"(,"finishReason":"STOP")", tokens)).usage_final());
  EXPECT_FALSE(after(google, gemini(R"(,"finishReason":"STOP")", "")).usage_final());

  constexpr auto responses = AnswerFormat::responses;
  EXPECT_TRUE(after(responses, event(R"({"type":"response.completed","response":{"usage":)"
                                     R"({"input_tokens":9,"output_tokens":1}}})"))
                  .usage_final());
}

}  // namespace
}  // namespace hawser::dialect
