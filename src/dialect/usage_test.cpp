#include "dialect/usage.hpp"

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
    EXPECT_EQ(cut.usage().known, whole.usage().known) << at;
    EXPECT_EQ(cut.usage().input, whole.usage().input) << at;
    EXPECT_EQ(cut.usage().output, whole.usage().output) << at;
  }
  UsageReader bytes;
  for (const char& byte : document) bytes.feed({&byte, 1});
  EXPECT_EQ(bytes.usage().output, whole.usage().output);
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

TEST(Usage, QuotesWithinATextHideNothing) {
  for (const char* text : {R"(\")", R"(\\)", R"(a \" b)", R"({\"usage\":{)", R"(\\\")"}) {
    UsageReader reader;
    reader.feed(std::string(R"({"text":")") + text +
                R"(","usage":{"prompt_tokens":7,"completion_tokens":9}})");
    EXPECT_TRUE(reader.usage().known) << text;
    EXPECT_EQ(reader.usage().input, 7U) << text;
    EXPECT_EQ(reader.usage().output, 9U) << text;
  }
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

}  // namespace
}  // namespace hawser::dialect
