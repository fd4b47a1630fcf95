#include "dialect/stream_texts.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "base/json.hpp"

namespace hawser::dialect {
namespace {

std::string event(std::string_view data) {
  return "data: " + std::string(data) + "\n\n";
}
std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}
/// A template with a text in the place of its $.
std::string with(std::string event, std::string_view text) {
  const std::string token = quoted(text);
  return event.replace(event.find('$'), 1, token);
}

std::string gathered(Api api, const std::vector<std::string>& events) {
  StreamTexts texts(api);
  std::string passes, all;
  for (const auto& one : events) {
    EXPECT_TRUE(texts.feed(one, true, passes)) << one;
    all += one;
  }
  EXPECT_EQ(passes, all);
  return texts.take();
}

TEST(StreamTexts, PiecesAreOneRunningText) {
  EXPECT_EQ(
      gathered(Api::chat,
               {event(R"({"id":"c","object":"chat.completion.chunk","model":"m","choices":[{)"
                      R"("index":0,"delta":{"role":"assistant","content":"bo"},)"
                      R"("finish_reason":null}],"obfuscation":"xY7"})"),
                event(R"({"choices":[{"index":0,"delta":{"content":"mb"},"finish_reason":"stop"}],)"
                      R"("obfuscation":"q"})"),
                event("[DONE]"), ": ping\n\n"}),
      "bomb");
}

TEST(StreamTexts, WhatRepeatsATextAddsNothing) {
  EXPECT_EQ(gathered(Api::responses,
                     {event(R"({"type":"response.output_text.delta","delta":"all "})"),
                      event(R"({"type":"response.output_text.delta","delta":"well"})"),
                      event(R"({"type":"response.output_text.done","text":"all well"})"),
                      event(R"({"type":"response.completed","response":{"id":"r","output":[{)"
                            R"("type":"message","content":[{"type":"output_text",)"
                            R"("text":"all well"}]}]}})")}),
            "all well");
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
         R"({"choices":[{"delta":{"content":"{\"a\":\"\\u0053ECRET\"}"}}]})",
         R"({"choices":[{"delta":{"cont\u0065nt":"SE\u0043RET"}}]})"}) {
      EXPECT_NE(gathered(api, {event(data)}).find("SECRET"), std::string::npos) << data;
    }
  }
  EXPECT_NE(gathered(Api::chat, {"event: SECRET\ndata: {}\n\n"}).find("SECRET"), std::string::npos);
}

TEST(StreamTexts, AnEventThatCannotBeReadIsToldAndDoesNotPass) {
  for (const std::string& frame :
       {event("SECRET"), event("[\"SECRET\"]"), event("\"SECRET\""), event("{\"a\":"),
        event("{\"a\":1} x"), event("[DONE"), event(R"({"a":"SECRET","a":"b"})"),
        event(R"({"b":{"a":"SECRET","\u0061":"b"}})"), std::string("Data: {}\n\n"),
        std::string("data\0: {}\n\n", 11), std::string("{\"a\":\"SECRET\"}\n\n"),
        std::string("x: SECRET\ndata: {}\n\n"), std::string("retry: SECRET\n\n"),
        std::string("id: a SECRET\n\n"), std::string("event: a\nevent: b\ndata: {}\n\n"),
        "\xEF\xBB\xBF" + event("{}")}) {
    StreamTexts texts(Api::chat);
    std::string passes;
    EXPECT_TRUE(texts.feed(event("{}"), true, passes));
    EXPECT_FALSE(texts.feed(frame, true, passes)) << frame;
    EXPECT_EQ(passes, event("{}"));
    EXPECT_STRNE(texts.why_unreadable(), "");
    StreamTexts open(Api::chat);
    passes.clear();
    EXPECT_TRUE(open.feed(event("{}") + frame, false, passes));
    EXPECT_EQ(passes, event("{}") + frame);
  }
}

TEST(StreamTexts, AByteOrderMarkAtTheStartIsBroughtOff) {
  StreamTexts texts(Api::chat);
  std::string passes;
  EXPECT_TRUE(texts.feed("\xEF\xBB\xBF" + event(R"({"text":"bomb"})"), true, passes));
  EXPECT_EQ(texts.take(), "bomb\n");
  EXPECT_EQ(passes, event(R"({"text":"bomb"})"));
}

TEST(StreamTexts, CommentsThatCouldSaySomethingDoNotPass) {
  for (const auto& [frame, passing] : std::vector<std::pair<std::string, std::string>>{
           {": a SECRET\n\n", ":\n\n"},
           {": ping\n\n", ": ping\n\n"},
           {": hb 17\n\n", ": hb 17\n\n"},
           {": hb 4111111111111111\n\n", ":\n\n"},
           {":\r\n\r\n", ":\r\n\r\n"},
           {": SECRET\r\nevent: x\r\ndata: {\r\ndata: }\r\nid: 7\r\nretry: 10\r\n\r\n",
            "event: x\nid: 7\nretry: 10\ndata: {\ndata: }\n\n"}}) {
    StreamTexts texts(Api::chat);
    std::string passes;
    EXPECT_TRUE(texts.feed(frame, true, passes));
    EXPECT_EQ(passes, passing);
  }
}

struct Place {
  Api api;
  const char* piece;  // $: the text
  const char* other;  // of another text, beside it
};
const Place places[] = {
    {Api::chat, R"({"choices":[{"index":0,"delta":{"content":$}}]})",
     R"({"choices":[{"index":1,"delta":{"content":$}}]})"},
    {Api::chat,
     R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":$}}]}}]})",
     R"({"choices":[{"delta":{"tool_calls":[{"function":{"arguments":$},"index":1}]}}]})"},
    {Api::chat, R"({"choices":[{"delta":{"tool_calls":[{"index":2,"custom":{"input":$}}]}}]})",
     R"({"choices":[{"delta":{"tool_calls":[{"index":3,"custom":{"input":$}}]}}]})"},
    {Api::chat, R"({"choices":[{"delta":{"reasoning_content":$}}]})",
     R"({"choices":[{"delta":{"content":$}}]})"},
    {Api::chat, R"({"choices":[{"delta":{"audio":{"transcript":$}}}]})",
     R"({"choices":[{"delta":{"content":$}}]})"},
    {Api::chat, R"({"choices":[{"delta":{"content":[{"type":"text","text":$}]}}]})",
     R"({"choices":[{"delta":{"reasoning":$}}]})"},
    {Api::chat, R"({"choices":[{"delta":{"reasoning_details":[{"index":0,"text":$}]}}]})",
     R"({"choices":[{"delta":{"reasoning_details":[{"index":1,"text":$}]}}]})"},
    {Api::chat, R"({"choices":[{"delta":{"annotations":[{"url_citation":{"content":$}}]}}]})",
     R"({"choices":[{"delta":{"annotations":[{"url_citation":{"title":$}}]}}]})"},
    {Api::chat, R"({"choices":[{"delta":{"never_seen":{"a":[["b",$]]}}}]})",
     R"({"choices":[{"delta":{"never_met":$}}]})"},
    {Api::chat, R"({"never_seen":[{"title":$}]})", R"({"never_met":$})"},
    {Api::completions, R"({"choices":[{"index":0,"text":$}]})",
     R"({"choices":[{"index":1,"text":$}]})"},
    {Api::responses, R"({"type":"response.output_text.delta","output_index":0,"delta":$})",
     R"({"type":"response.output_text.delta","output_index":1,"delta":$})"},
    {Api::responses, R"({"type":"response.function_call_arguments.delta","delta":$})",
     R"({"type":"response.function_call_arguments.delta","output_index":1,"delta":$})"},
    {Api::responses, R"({"type":"response.never_seen.delta","delta":$})",
     R"({"type":"response.never_met.delta","delta":$})"},
    {Api::messages, R"({"type":"content_block_delta","index":0,"delta":{"text":$}})",
     R"({"type":"content_block_delta","index":1,"delta":{"text":$}})"},
    {Api::messages, R"({"type":"content_block_delta","index":0,"delta":{"partial_json":$}})",
     R"({"type":"content_block_delta","index":1,"delta":{"partial_json":$}})"},
    {Api::messages, R"({"type":"content_block_delta","delta":{"type":"x","content":$}})",
     R"({"type":"content_block_delta","delta":{"type":"y","thinking":$}})"},
};

TEST(StreamTexts, NoCutHidesAnythingWhateverStandsBetween) {
  for (const Place& place : places) {
    const std::string word = "a bomb!";
    for (std::size_t cut = 1; cut < word.size(); ++cut) {
      for (const bool windows : {false, true}) {
        StreamTexts texts(place.api);
        std::string passes, text;
        for (const auto& one : {with(place.piece, word.substr(0, cut)), with(place.other, "zz{"),
                                with(place.piece, word.substr(cut)), with(place.other, "yy")}) {
          EXPECT_TRUE(texts.feed(event(one), true, passes));
          if (windows) text += texts.take() + "\n";
        }
        text += texts.take();
        EXPECT_NE(text.find(word), std::string::npos) << place.piece << cut << text;
      }
    }
  }
}

TEST(StreamTexts, EscapesInATextThatIsJsonHideNothingHoweverTheyAreCut) {
  const std::string json = R"({"x":"b\u006fmb \ud83d\ude00"})";
  for (const char* piece : {places[1].piece, places[12].piece, places[15].piece}) {
    for (const auto& place : places) {
      if (place.piece != piece) continue;
      for (std::size_t cut = 0; cut <= json.size(); ++cut) {
        StreamTexts texts(place.api);
        std::string passes, text;
        for (const auto& part : {json.substr(0, cut), json.substr(cut)}) {
          EXPECT_TRUE(texts.feed(event(with(piece, part)), true, passes));
          text += texts.take() + "\n";
        }
        EXPECT_NE(text.find("bomb \xF0\x9F\x98\x80"), std::string::npos) << cut << text;
      }
    }
  }
}

TEST(StreamTexts, WhateverSpellsOneIndexIsOneText) {
  for (const char* index : {"0", "0.0", "0e3", "\"0\"", "null", "-0"}) {
    const std::string second =
        R"({"choices":[{"index":)" + std::string(index) + R"(,"delta":{"content":"mb"}}]})";
    const auto text =
        gathered(Api::chat, {event(R"({"choices":[{"delta":{"content":"bo"}}]})"), event(second)});
    EXPECT_TRUE(text.starts_with("bomb")) << text;
  }
}

TEST(StreamTexts, WhatIsRememberedIsBounded) {
  StreamTexts texts(Api::chat);
  std::string passes;
  std::size_t taken = 0;
  for (bool more = true; more; ++taken) {
    more = texts.feed(event(R"({"choices":[{"index":)" + std::to_string(taken) +
                            R"(,"delta":{"content":"x"}}]})"),
                      true, passes);
    ASSERT_LE(taken, StreamTexts::channels_max);
  }
  EXPECT_EQ(taken, StreamTexts::channels_max + 1);
}

}  // namespace
}  // namespace hawser::dialect
