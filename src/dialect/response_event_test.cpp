#include "dialect/response_event.hpp"

#include <gmock/gmock.h>

#include "base/json.hpp"
#include "dialect/error_body.hpp"

namespace hawser::dialect {
namespace {

TEST(ResponseEvent, SequenceNumberIsTheMemberAndNotAText) {
  EXPECT_EQ(sequence_number("data: {\"type\":\"x\",\"sequence_number\":17}\n\n"), 17u);
  EXPECT_EQ(sequence_number("data: {\"sequence_number\": 0,\"a\":1}\n\n"), 0u);
  EXPECT_EQ(
      sequence_number("data: {\"delta\":\"\\\"sequence_number\\\":9\",\"sequence_number\":3}\n\n"),
      3u);
  EXPECT_EQ(sequence_number("data: {\"type\":\"x\"}\n\n"), std::nullopt);
  EXPECT_EQ(sequence_number("data: {\"sequence_number\":null}\n\n"), std::nullopt);
}

TEST(ResponseEvent, ResponseIsTakenFromEventsThatCarryIt) {
  const auto found = response_object(
      "event: response.created\ndata: "
      "{\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\","
      "\"status\":\"in_progress\"}}\n\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, "resp_1");
  EXPECT_EQ(with_status(found->json, "cancelled"), R"({"id":"resp_1","status":"cancelled"})");
  EXPECT_FALSE(response_object("data: {\"type\":\"response.output_text.delta\"}\n\n"));
  EXPECT_FALSE(response_object("data: {\"response\":[1]}\n\n"));
  EXPECT_FALSE(response_object("data: {\"response\":{\"id\":\n\n"));
}

TEST(ResponseProgress, EndsAResponseAsItsApiDoes) {
  const Error error{.code = Code::connection, .message = "it \"broke\""};
  ResponseProgress progress;
  EXPECT_EQ(progress.take_number(), 0u);
  progress.see(
      "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":4,"
      "\"response\":{\"id\":\"resp_1\",\"model\":\"m\",\"created_at\":7}}\n\n"
      "data: {\"sequence_number\":5,\"type\":\"response.output_text.delta\",\"delta\":"
      "\"{\\\"sequence_number\\\":99}\"}\n\n");
  EXPECT_TRUE(progress.begun());
  const std::string end = error_event(Dialect::openai, Api::responses, error, "request", &progress);
  EXPECT_NE(end.find("event: error\n"), std::string::npos);
  const std::string failed = end.substr(end.find("event: response.failed\n"));
  EXPECT_EQ(sequence_number(end), 6u);
  EXPECT_EQ(sequence_number(failed), 7u);
  const auto response = response_object(failed);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->id, "resp_1");
  EXPECT_EQ(json_text(response->json, "status"), "failed");
  EXPECT_EQ(json_text(json_member(response->json, "error"), "message"), "it \"broke\"");
  EXPECT_EQ(json_number(response->json, "created_at"), 7u);
  EXPECT_FALSE(progress.begun());
}

TEST(ResponseProgress, WhatWasNotBegunDoesNotFail) {
  const Error error{.code = Code::rate_limit, .message = "full"};
  const std::string end = error_event(Dialect::openai, Api::responses, error, "request");
  EXPECT_EQ(end.find("response.failed"), std::string::npos);
  EXPECT_EQ(sequence_number(end), 0u);
}

}  // namespace
}  // namespace hawser::dialect
