#include "response.hpp"

#include <gtest/gtest.h>

#include "event.hpp"

namespace hawser::bench {
namespace {

std::string event(std::size_t number) {
  std::string text = event_text();
  put_number(text.data() + event_number_at, number);
  return text;
}

std::string chunked(std::initializer_list<std::string> parts) {
  std::string text =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
      "Transfer-Encoding: chunked\r\n\r\n";
  for (const auto& part : parts) {
    char size[17];
    std::snprintf(size, sizeof size, "%zx\r\n", part.size());
    text += size + part + "\r\n";
  }
  return text + "0\r\n\r\n";
}

Response::State state_of(const std::string& text) {
  Response response;
  return response.feed(text);
}

const std::string done(done_event);

TEST(BenchResponse, StreamIsWholeHoweverItIsCut) {
  const std::string text = chunked({event(0), event(1) + event(2), done});
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    Response response;
    ASSERT_EQ(response.feed(text.substr(0, cut)), Response::State::more) << cut;
    ASSERT_EQ(response.feed(text.substr(cut)), Response::State::whole) << cut;
    ASSERT_EQ(response.events(), 3u) << cut;
  }
}

TEST(BenchResponse, StreamMayBeChunkedAnew) {
  const std::string all = event(0) + event(1) + done;
  EXPECT_EQ(state_of(chunked({all.substr(0, 7), all.substr(7, 301), all.substr(308)})),
            Response::State::whole);
}

TEST(BenchResponse, EventsMayCarryAnId) {
  EXPECT_EQ(state_of(chunked({"id: 7\n" + event(0), done})), Response::State::whole);
}

TEST(BenchResponse, LostDoubledOrUnfinishedEventsShow) {
  EXPECT_EQ(state_of(chunked({event(0), event(2), done})), Response::State::broken);
  EXPECT_EQ(state_of(chunked({event(0), event(0), done})), Response::State::broken);
  EXPECT_EQ(state_of(chunked({event(0)})), Response::State::broken);
  EXPECT_EQ(state_of(chunked({event(0), done, event(1)})), Response::State::broken);
}

TEST(BenchResponse, SizedBodyIsWholeAtItsSize) {
  const std::string head = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
  EXPECT_EQ(state_of(head + "12345"), Response::State::whole);
  EXPECT_EQ(state_of(head + "1234"), Response::State::more);
  EXPECT_EQ(state_of(head + "123456"), Response::State::broken);
}

TEST(BenchResponse, OtherStatusIsBroken) {
  EXPECT_EQ(state_of("HTTP/1.1 401 Unauthorized\r\ncontent-length: 1\r\n\r\n1"),
            Response::State::broken);
}

}  // namespace
}  // namespace hawser::bench
