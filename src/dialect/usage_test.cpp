#include "dialect/usage_reader.hpp"

#include <gtest/gtest.h>

namespace hawser::dialect {
namespace {

/// Read as one piece, and in two at every place: the same.
Usage usage_in(std::string_view document) {
  UsageReader whole;
  whole.feed(document);
  for (std::size_t at = 0; at <= document.size(); ++at) {
    UsageReader cut;
    cut.feed(document.substr(0, at));
    cut.feed(document.substr(at));
    EXPECT_EQ(cut.usage(), whole.usage()) << at;
  }
  UsageReader bytes;
  for (const char& byte : document) bytes.feed({&byte, 1});
  EXPECT_EQ(bytes.usage(), whole.usage());
  return whole.usage();
}

TEST(Usage, OfAChatCompletion) {
  const auto usage =
      usage_in(R"({"choices":[],"usage":{"prompt_tokens":12,)"
               R"("completion_tokens_details":{"completion_tokens":1},"completion_tokens": 34}})");
  EXPECT_TRUE(usage.known);
  EXPECT_EQ(usage.input, 12u);
  EXPECT_EQ(usage.output, 34u);
}

TEST(Usage, WhatItIsMadeOf) {
  const auto chat =
      usage_in(R"({"usage":{"prompt_tokens":12,"completion_tokens":34,"prompt_tokens_details":)"
               R"({"cached_tokens":5},"completion_tokens_details":{"reasoning_tokens":30}}})");
  EXPECT_EQ(chat.cached, 5u);
  EXPECT_EQ(chat.reasoning, 30u);
  EXPECT_TRUE(chat.cached_within);
  const auto message = usage_in(R"({"usage":{"input_tokens":3,"cache_creation_input_tokens":7,)"
                                R"("cache_read_input_tokens":90,"output_tokens":1}})");
  EXPECT_EQ(message.cached, 90u);
  EXPECT_EQ(message.cache_write, 7u);
  EXPECT_FALSE(message.cached_within);
}

TEST(Usage, StandsAtTheTopOrInAResponseOrAMessage) {
  EXPECT_EQ(usage_in(R"({"response":{"usage":{"input_tokens":5,"output_tokens":7}}})").output, 7u);
  EXPECT_EQ(usage_in(R"({"message":{"id":"m","usage":{"input_tokens":5}}})").input, 5u);
  EXPECT_EQ(usage_in(R"({"\u0075sage" : {"input_\u0074okens":5}})").input, 5u);
  EXPECT_EQ(usage_in(R"([{"usageMetadata":{"promptTokenCount":5}},)"
                     R"({"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":3}}])")
                .output,
            3u);
  for (const char* hidden :
       {R"({"metadata":{"usage":{"input_tokens":5}}})", R"({"a":[{"usage":{"input_tokens":5}}]})",
        R"({"response":{"metadata":{"usage":{"input_tokens":5}}}})",
        R"({"text":"\"usage\":{\"input_tokens\":5}"})", R"({"usage":null})",
        R"({"usage":{"prompt_tokens":1)", ""}) {
    EXPECT_FALSE(usage_in(hidden).known) << hidden;
  }
  // What a client sent and gets back does not hide it.
  EXPECT_EQ(usage_in(R"({"usage":{"input_tokens":5,"output_tokens":2},)"
                     R"("metadata":{"usage":"x","a":{"usage":{"output_tokens":9}}}})")
                .output,
            2u);
}

TEST(Usage, QuotesWithinATextHideNothing) {
  for (const char* text :
       {R"(\")", R"(6\" of rain)", R"(a\")", R"(\\)", R"(\\\")", R"(say \"a\")"}) {
    const std::string document = R"({"choices":[{"message":{"content":")" + std::string(text) +
                                 R"("}}],"id":")" + text + R"(","usage":{"input_tokens":5}})";
    EXPECT_EQ(usage_in(document).input, 5u) << document;
  }
}

TEST(Usage, OfWhatIsNoChat) {
  const auto picture =
      usage_in(R"({"data":[{"b64_json":"QUJD"}],"usage":{"input_tokens":50,"output_tokens":4160,)"
               R"("total_tokens":4210,"input_tokens_details":{"text_tokens":50}}})");
  EXPECT_EQ(picture.output, 4160u);
  EXPECT_EQ(usage_in(R"({"results":[],"usage":{"total_tokens":50000}})").input, 50000u);
  EXPECT_EQ(usage_in(R"({"data":[{"embedding":[0.1,-2e-3]}],"usage":{"prompt_tokens":8}})").input,
            8u);
}

TEST(Usage, TokensThatAreNotCountedAsOutputAreAdded) {
  const auto grok =
      usage_in(R"({"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":115,)"
               R"("completion_tokens_details":{"reasoning_tokens":100}}})");
  EXPECT_EQ(grok.output, 105u);
  const auto plain =
      usage_in(R"({"usage":{"prompt_tokens":10,"completion_tokens":105,"total_tokens":115,)"
               R"("completion_tokens_details":{"reasoning_tokens":100}}})");
  EXPECT_EQ(plain.output, 105u);
}

TEST(Usage, OddNumbersAreNoneAndHugeOnesAreCut) {
  EXPECT_FALSE(usage_in(R"({"usage":{"prompt_tokens":-1,"completion_tokens":"5"}})").known);
  EXPECT_EQ(usage_in(R"({"usage":{"prompt_tokens":12.0}})").input, 12u);
  EXPECT_EQ(usage_in(R"({"usage":{"prompt_tokens":1e99}})").input, 0xffffffffu);
}

TEST(Usage, CountsThatAreMissingKeepWhatTheyWere) {
  Usage usage;
  EXPECT_TRUE(
      take_usage_of(R"({"message":{"usage":{"input_tokens":25,"output_tokens":1}}})", usage));
  EXPECT_TRUE(take_usage_of(R"({"usage":{"input_tokens":0,"output_tokens":15}})", usage));
  EXPECT_EQ(usage.input, 25u);
  EXPECT_EQ(usage.output, 15u);
  EXPECT_FALSE(take_usage_of(R"({"usage":{"output_tokens":99})", usage));
  EXPECT_EQ(usage.output, 15u);
}

TEST(Usage, KindsOfTokensByOpenAi) {
  const auto chat = usage_in(
      R"({"usage":{"prompt_tokens":100,"completion_tokens":60,"total_tokens":160,)"
      R"("prompt_tokens_details":{"cached_tokens":10,"audio_tokens":40,"text_tokens":50,)"
      R"("image_tokens":7},)"
      R"("completion_tokens_details":{"reasoning_tokens":5,"audio_tokens":30,"text_tokens":25,)"
      R"("accepted_prediction_tokens":9,"rejected_prediction_tokens":9}}})");
  EXPECT_EQ(chat.audio_input, 40u);
  EXPECT_EQ(chat.image_input, 7u);
  EXPECT_EQ(chat.audio_output, 30u);
  EXPECT_EQ(chat.other_input + chat.other_output, 0u);  // a prediction is text
  EXPECT_TRUE(chat.input_split && chat.output_split);
  const auto live =
      usage_in(R"({"response":{"usage":{"total_tokens":253,"input_tokens":132,"output_tokens":121,)"
               R"("input_token_details":{"text_tokens":119,"audio_tokens":13,"image_tokens":0,)"
               R"("cached_tokens":64,"cached_tokens_details":{"text_tokens":60,"audio_tokens":4}},)"
               R"("output_token_details":{"text_tokens":30,"audio_tokens":91}}}})");
  EXPECT_EQ(live.audio_input, 13u);
  EXPECT_EQ(live.audio_cached, 4u);
  EXPECT_EQ(live.cached, 64u);
  EXPECT_EQ(live.audio_output, 91u);
  const auto picture =
      usage_in(R"({"data":[],"usage":{"total_tokens":100,"input_tokens":50,"output_tokens":50,)"
               R"("input_tokens_details":{"text_tokens":10,"image_tokens":40},)"
               R"("output_tokens_details":{"text_tokens":8,"image_tokens":42}}})");
  EXPECT_EQ(picture.image_input, 40u);
  EXPECT_EQ(picture.image_output, 42u);
  const auto heard =
      usage_in(R"({"text":"a","usage":{"type":"tokens","input_tokens":14,"output_tokens":45,)"
               R"("total_tokens":59,"input_token_details":{"text_tokens":0,"audio_tokens":14}}})");
  EXPECT_EQ(heard.audio_input, 14u);
  const auto timed = usage_in(R"({"text":"a","usage":{"type":"duration","seconds":2.5}})");
  EXPECT_TRUE(timed.known);
  EXPECT_EQ(timed.audio_ms, 2'500u);
}

TEST(Usage, AKindThatIsNotKnownIsNotText) {
  const auto usage = usage_in(R"({"usage":{"prompt_tokens":100,"completion_tokens":60,)"
                              R"("prompt_tokens_details":{"smell_tokens":40,"video_tokens":3},)"
                              R"("completion_tokens_details":{"taste_tokens":30}}})");
  EXPECT_EQ(usage.other_input, 40u);
  EXPECT_EQ(usage.image_input, 3u);
  EXPECT_EQ(usage.other_output, 30u);
  const auto gemini =
      usage_in(R"({"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":5,)"
               R"("promptTokensDetails":[{"modality":"TEXT","tokenCount":4},{"modality":"SMELL",)"
               R"("tokenCount":5}]}})");
  EXPECT_EQ(gemini.other_input, 5u);
}

TEST(Usage, KindsOfTokensByGemini) {
  const auto usage = usage_in(
      R"({"usageMetadata":{"promptTokenCount":1344,"candidatesTokenCount":99,)"
      R"("totalTokenCount":1588,)"
      R"("cachedContentTokenCount":1274,"thoughtsTokenCount":74,"toolUsePromptTokenCount":71,)"
      R"("promptTokensDetails":[{"modality":"TEXT","tokenCount":54},{"modality":"AUDIO",)"
      R"("tokenCount":900},)"
      R"({"modality":"VIDEO","tokenCount":300},{"modality":"DOCUMENT","tokenCount":90}],)"
      R"("toolUsePromptTokensDetails":[{"modality":"AUDIO","tokenCount":71}],)"
      R"("cacheTokensDetails":[{"modality":"AUDIO","tokenCount":880},{"modality":"VIDEO",)"
      R"("tokenCount":200}],)"
      R"("candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":90},{"modality":"AUDIO"}]}})");
  EXPECT_EQ(usage.input, 1344u + 71);
  EXPECT_EQ(usage.output, 99u + 74);
  EXPECT_EQ(usage.reasoning, 74u);
  EXPECT_EQ(usage.cached, 1274u);
  EXPECT_EQ(usage.audio_input, 971u);
  EXPECT_EQ(usage.audio_cached, 880u);
  EXPECT_EQ(usage.image_input, 300u);
  EXPECT_EQ(usage.image_cached, 200u);
  EXPECT_EQ(usage.image_output, 90u);
  EXPECT_EQ(usage.other_input, 0u);
  const auto live = usage_in(
      R"({"usageMetadata":{"promptTokenCount":541,"responseTokenCount":61,"totalTokenCount":602,)"
      R"("responseTokensDetails":[{"modality":"AUDIO","tokenCount":61}],)"
      R"("thoughtsTokenCount":46}})");
  EXPECT_EQ(live.output, 61u);  // its thoughts are within
  EXPECT_EQ(live.audio_output, 61u);
}

TEST(Usage, WhatAnthropicTellsBesideTokens) {
  const auto usage = usage_in(
      R"({"usage":{"input_tokens":4,"cache_creation_input_tokens":1100,)"
      R"("cache_read_input_tokens":90,)"
      R"("cache_creation":{"ephemeral_5m_input_tokens":100,"ephemeral_1h_input_tokens":1000},)"
      R"("output_tokens":155,"output_tokens_details":{"thinking_tokens":26},)"
      R"("service_tier":"priority",)"
      R"("server_tool_use":{"web_search_requests":2,"web_fetch_requests":7}}})");
  EXPECT_EQ(usage.cache_write, 1100u);
  EXPECT_EQ(usage.cache_write_long, 1000u);
  EXPECT_EQ(usage.searches, 2u);
  EXPECT_EQ(usage.reasoning, 26u);
  EXPECT_EQ(usage.tier, ServiceTier::priority);
  EXPECT_FALSE(usage.cached_within);
  const auto advised = usage_in(
      R"({"usage":{"input_tokens":2482,"output_tokens":166,"speed":"fast",)"
      R"("service_tier":"standard",)"
      R"("iterations":[{"type":"message","input_tokens":2482,"output_tokens":166},)"
      R"({"type":"advisor_message","model":"x","input_tokens":2564,"output_tokens":99}]}})");
  EXPECT_EQ(advised.input, 2482u + 2564);
  EXPECT_EQ(advised.output, 166u + 99);
  EXPECT_EQ(advised.tier, ServiceTier::fast);
}

TEST(Usage, OfMistralCohereAndBedrock) {
  const auto heard =
      usage_in(R"({"usage":{"prompt_audio_seconds":4,"prompt_tokens":9,"total_tokens":585,)"
               R"("completion_tokens":201,)"
               R"("prompt_tokens_details":{"cached_tokens":0,"audio_tokens":375}}})");
  EXPECT_EQ(heard.input, 384u);  // sound is beside its text
  EXPECT_EQ(heard.audio_input, 375u);
  EXPECT_EQ(heard.output, 201u);
  EXPECT_EQ(heard.audio_ms, 4'000u);
  for (const char* cohere :
       {R"({"usage":{"billed_units":{"input_tokens":12,"output_tokens":7},)"
        R"("tokens":{"input_tokens":507,)"
        R"("output_tokens":10},"cached_tokens":448}})",
        R"({"usage":{"cached_tokens":448,"tokens":{"input_tokens":507,"output_tokens":10},)"
        R"("billed_units":{"input_tokens":12,"output_tokens":7}}})",
        R"({"meta":{"billed_units":{"output_tokens":7,"input_tokens":12},)"
        R"("tokens":{"input_tokens":507}}})"}) {
    const auto billed = usage_in(cohere);
    EXPECT_EQ(billed.input, 12u) << cohere;
    EXPECT_EQ(billed.output, 7u) << cohere;
    EXPECT_EQ(billed.cached, 0u) << cohere;
  }
  EXPECT_EQ(usage_in(R"({"usage":{"tokens":{"input_tokens":34,"image_tokens":259}}})").input, 293u);
  EXPECT_EQ(usage_in(R"({"meta":{"billed_units":{"search_units":3}}})").searches, 3u);
  EXPECT_FALSE(usage_in(R"({"meta":{"input_tokens":3,"usage":{"input_tokens":3}}})").known);
  const auto converse =
      usage_in(R"({"usage":{"cacheReadInputTokenCount":30,"cacheReadInputTokens":30,)"
               R"("cacheWriteInputTokens":1503,)"
               R"("inputTokens":14,"outputTokens":5,"totalTokens":1552}})");
  EXPECT_EQ(converse.input, 14u);
  EXPECT_EQ(converse.output, 5u);
  EXPECT_EQ(converse.cached, 30u);
  EXPECT_EQ(converse.cache_write, 1503u);
  EXPECT_FALSE(converse.cached_within);
}

TEST(Usage, WhatOnlyTheTotalTellsIsOutput) {
  const auto hidden =
      usage_in(R"({"usage":{"completion_tokens":12,"prompt_tokens":35,"total_tokens":109}})");
  EXPECT_EQ(hidden.output, 74u);
  EXPECT_EQ(hidden.reasoning, 62u);
  EXPECT_EQ(usage_in(R"({"usage":{"prompt_tokens":8,"total_tokens":8}})").output, 0u);
}

TEST(Usage, WhatIsMoreThanTheWholeStandsBesideIt) {
  const auto research =
      usage_in(R"({"usage":{"prompt_tokens":33,"completion_tokens":7163,"total_tokens":7196,)"
               R"("citation_tokens":20016,"num_search_queries":18,"reasoning_tokens":73984}})");
  EXPECT_EQ(research.input, 33u + 20016);
  EXPECT_EQ(research.output, 7163u + 73984);
  EXPECT_EQ(research.reasoning, 73984u);
  EXPECT_EQ(research.searches, 18u);
  const auto rounded =
      usage_in(R"({"usage":{"prompt_tokens":43,"completion_tokens":10,"total_tokens":53,)"
               R"("completion_tokens_details":{"reasoning_tokens":11}}})");
  EXPECT_EQ(rounded.output, 11u);
}

TEST(Usage, TheServiceTierStandsBesideOrWithinIt) {
  const auto tier = [](const char* document) { return usage_in(document).tier; };
  EXPECT_EQ(tier(R"({"service_tier":"flex","usage":{"input_tokens":1}})"), ServiceTier::flex);
  EXPECT_EQ(tier(R"({"usage":{"input_tokens":1},"service_tier":"priority"})"),
            ServiceTier::priority);
  EXPECT_EQ(tier(R"({"response":{"service_tier":"prior\u0069ty","usage":{"input_tokens":1}}})"),
            ServiceTier::priority);
  EXPECT_EQ(tier(R"({"usageMetadata":{"promptTokenCount":1,"trafficType":"ON_DEMAND_PRIORITY"}})"),
            ServiceTier::priority);
  EXPECT_EQ(tier(R"({"usageMetadata":{"promptTokenCount":1,"serviceTier":"flex"}})"),
            ServiceTier::flex);
  EXPECT_EQ(tier(R"({"usage":{"input_tokens":1},"service_tier":"light speed"})"),
            ServiceTier::other);
  const std::string huge = R"({"service_tier":")" + std::string(300, 'a') + R"("})";
  EXPECT_EQ(tier(huge.c_str()), ServiceTier::other);
  for (const char* usual :
       {R"({"service_tier":"default"})", R"({"service_tier":null,"a":"priority"})",
        R"({"service_tier":5,"a":"priority"})", R"({"service_tier":["priority"]})",
        R"({"metadata":{"service_tier":"priority"}})", R"({"a":"service_tier","b":"priority"})"}) {
    EXPECT_EQ(tier(usual), ServiceTier::standard) << usual;
  }
}

TEST(Usage, OfTwoCallsIsTheSum) {
  Usage anthropic{.known = true, .cached_within = false, .input = 10, .output = 1, .cached = 90};
  anthropic.cache_write = 5;
  const Usage openai{.known = true, .input = 100, .output = 2, .cached = 50};
  add_usage(anthropic, openai);
  EXPECT_TRUE(anthropic.cached_within);
  EXPECT_EQ(anthropic.input, 205u);
  EXPECT_EQ(anthropic.cached, 140u);
  Usage full{.known = true, .input = 0xffffffff};
  full.audio_output = 0xfffffff0;
  Usage more{.known = true, .input = 1};
  more.audio_output = 0x20;
  more.tier = ServiceTier::priority;
  add_usage(full, more);
  EXPECT_EQ(full.input, 0xffffffffu);
  EXPECT_EQ(full.audio_output, 0xffffffffu);
  EXPECT_EQ(full.tier, ServiceTier::priority);
  Usage again = more;
  merge_usage(again, more);
  EXPECT_EQ(again, more);
}

}  // namespace
}  // namespace hawser::dialect
