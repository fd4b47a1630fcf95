#include "dialect/usage.hpp"

#include <gtest/gtest.h>

namespace hawser::dialect {
namespace {

Usage usage_in(std::string_view text) {
  Usage usage;
  see_usage(text, usage);
  return usage;
}

TEST(Usage, OfAChatCompletion) {
  const auto usage =
      usage_in(R"({"choices":[],"usage":{"prompt_tokens":12,)"
               R"("completion_tokens_details":{"completion_tokens":1},"completion_tokens": 34}})");
  EXPECT_TRUE(usage.known);
  EXPECT_EQ(usage.input, 12u);
  EXPECT_EQ(usage.output, 34u);
}

TEST(Usage, OfAResponse) {
  const auto usage = usage_in(
      "event: response.completed\ndata: {\"response\":{\"usage\": {\"input_tokens\":5,"
      "\"input_tokens_details\":{\"cached_tokens\":2},\"output_tokens\":7}}}\n\n");
  EXPECT_EQ(usage.input, 5u);
  EXPECT_EQ(usage.output, 7u);
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

TEST(Usage, TheLastOneCountsAndNullIsNone) {
  const auto usage = usage_in(
      "data: {\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n"
      "data: {\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":9}}\n\n");
  EXPECT_EQ(usage.output, 9u);
  EXPECT_FALSE(usage_in("data: {\"usage\":null}\n\n").known);
  EXPECT_FALSE(usage_in("{\"usage\":{\"prompt_tokens\":1").known);
  EXPECT_FALSE(usage_in("").known);
}

TEST(Usage, CountsThatAreMissingKeepWhatTheyWere) {
  Usage usage = usage_in(R"({"message":{"usage":{"input_tokens":25,"output_tokens":1}}})");
  see_usage(R"(data: {"type":"message_delta","usage":{"output_tokens":15}})", usage);
  EXPECT_EQ(usage.input, 25u);
  EXPECT_EQ(usage.output, 15u);
}

}  // namespace
}  // namespace hawser::dialect
