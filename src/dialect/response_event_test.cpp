#include "dialect/response_event.hpp"

#include <gmock/gmock.h>

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

}  // namespace
}  // namespace hawser::dialect
