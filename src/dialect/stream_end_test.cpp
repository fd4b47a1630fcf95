#include "dialect/stream_end.hpp"

#include <gtest/gtest.h>

namespace hawser::dialect {
namespace {

bool complete_after(Api api, std::string_view frames) {
  StreamEnd end(api);
  end.see(frames);
  return end.complete();
}

TEST(StreamEnd, TheEndIsSeenRightBehindAnUnfinishedChoice) {
  StreamEnd end(Api::chat);
  end.see("data: {\"choices\":[{\"delta\":{},\"finish_reason\":null}]}\n\ndata: [DONE]\n\n");
  EXPECT_TRUE(end.complete());
}

TEST(StreamEnd, KnowsTheSignOfEachApi) {
  EXPECT_FALSE(complete_after(Api::chat, "data: {\"choices\":[{\"finish_reason\":null}]}\n\n"));
  EXPECT_TRUE(complete_after(Api::chat, "data: {\"choices\":[{\"finish_reason\": \"stop\"}]}\n\n"));
  EXPECT_TRUE(complete_after(Api::chat, "data: [DONE]\n\n"));
  EXPECT_TRUE(complete_after(Api::chat, "data: {\"error\":{\"message\":\"x\"}}\n\n"));
  EXPECT_FALSE(complete_after(Api::responses, "data: {\"type\":\"response.created\"}\n\n"));
  EXPECT_TRUE(complete_after(Api::responses, "data: {\"type\":\"response.completed\"}\n\n"));
  EXPECT_TRUE(complete_after(Api::messages, "event: message_stop\n\n"));
  EXPECT_TRUE(complete_after(Api::other, "data: anything\n\n"));
}

TEST(StreamEnd, TellsCommentsFromData) {
  StreamEnd end(Api::chat);
  end.see(": keep-alive\n\n");
  EXPECT_FALSE(end.any_data());
  end.see("event: x\ndata: y\n\n");
  EXPECT_TRUE(end.any_data());
}

TEST(StartsWithError, LooksAtTheFirstDataLine) {
  EXPECT_TRUE(starts_with_error("data: {\"error\":{}}\n\n"));
  EXPECT_TRUE(starts_with_error(": hi\n\nevent: error\ndata: {}\n\n"));
  EXPECT_FALSE(starts_with_error("data: {\"choices\":[]}\n\ndata: {\"error\":{}}\n\n"));
  EXPECT_FALSE(starts_with_error(": only a comment\n\n"));
}

}  // namespace
}  // namespace hawser::dialect
