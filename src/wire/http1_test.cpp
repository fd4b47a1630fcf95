#include "wire/http1.hpp"

#include <gtest/gtest.h>

#include <random>

namespace hawser::wire {
namespace {

using State = HeadOutcome::State;

HeadOutcome parse(std::string_view bytes, RequestHead& head, const HeadLimits& limits = {}) {
  std::size_t searched = 0;
  return parse_request_head(bytes, searched, limits, head);
}

TEST(RequestHead, IsTakenApart) {
  RequestHead head;
  const auto outcome = parse(
      "POST /v1/chat?a[b]=c&d HTTP/1.1\r\nHost: api:8080\r\nContent-Length: 12\r\n"
      "X-Odd:  value with \xc3\xa4 \r\nEmpty:\r\n\r\nbody",
      head);
  ASSERT_EQ(outcome.state, State::complete);
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.path, "/v1/chat");
  EXPECT_EQ(head.query, "a[b]=c&d");
  EXPECT_EQ(head.host, "api:8080");
  EXPECT_EQ(head.framing, Framing::length);
  EXPECT_EQ(head.content_length, 12u);
  EXPECT_TRUE(head.keep_alive);
  ASSERT_NE(head.find("x-ODD"), nullptr);
  EXPECT_EQ(head.find("x-odd")->value, "value with \xc3\xa4");
  EXPECT_EQ(head.find("empty")->value, "");
}

TEST(RequestHead, KeepAliveFollowsVersionAndConnection) {
  RequestHead head;
  parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", head);
  EXPECT_FALSE(head.keep_alive);
  parse("GET / HTTP/1.0\r\n\r\n", head);
  EXPECT_FALSE(head.keep_alive);
  parse("GET / HTTP/1.0\r\nConnection: upgrade, keep-alive\r\n\r\n", head);
  EXPECT_TRUE(head.keep_alive);
}

TEST(RequestHead, RefusesWhatTwoProgramsCouldReadDifferently) {
  struct Case {
    const char* why;
    const char* bytes;
    int status;
  };
  const Case cases[] = {
      {"bare LF", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
      {"bare LF in a header", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400},
      {"folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", 400},
      {"blank before colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"no colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400},
      {"CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n", 400},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"userinfo in Host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
      {"two lengths",
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
      {"length and chunked",
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
       400},
      {"signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400},
      {"chunked in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"coding list", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
       400},
      {"unknown coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
      {"fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"two blanks", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"other version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"a method in other letters", "post / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"an unknown method", "PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"expectation", "POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.why);
    RequestHead head;
    const auto outcome = parse(c.bytes, head);
    EXPECT_EQ(outcome.state, State::malformed);
    EXPECT_EQ(outcome.status, c.status);
    EXPECT_FALSE(outcome.problem.empty());
  }
}

TEST(RequestHead, HasLimits) {
  const HeadLimits limits{.head_max = 200, .target_max = 20, .fields_max = 2};
  RequestHead head;
  EXPECT_EQ(
      parse("GET /" + std::string(30, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", head, limits).status,
      414);
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n\r\n", head, limits).status, 431);
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(300, 'x'), head, limits).status,
            431);
  EXPECT_EQ(parse("GET /" + std::string(300, 'a'), head, limits).status, 414);
}

TEST(RequestHead, IsTheSameHoweverItIsCut) {
  const std::string bytes =
      "\r\nPOST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX: y\r\n\r\nabc";
  RequestHead whole;
  const auto expected = parse(bytes, whole);
  for (std::size_t step = 1; step < bytes.size(); ++step) {
    RequestHead head;
    std::size_t searched = 0;
    HeadOutcome outcome;
    for (std::size_t size = step; outcome.state == State::incomplete; size += step) {
      ASSERT_LE(size, bytes.size() + step);
      outcome = parse_request_head(std::string_view(bytes).substr(0, size), searched, {}, head);
    }
    EXPECT_EQ(outcome.state, expected.state);
    EXPECT_EQ(outcome.consumed, expected.consumed);
    EXPECT_EQ(head.fields.size(), whole.fields.size());
  }
}

TEST(RequestHead, MalformedInputIsRefusedNotFollowed) {
  std::mt19937 random(42);
  const std::string valid =
      "POST /v1/chat/completions?x=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
      "Authorization: Bearer key\r\n\r\n";
  int accepted = 0;
  for (int i = 0; i < 10'000; ++i) {
    std::string bytes = valid;
    for (unsigned n = 1 + random() % 8; n > 0; --n) {
      const std::size_t at = random() % bytes.size();
      switch (random() % 3) {
        case 0:
          bytes[at] = static_cast<char>(random() % 256);
          break;
        case 1:
          bytes.insert(at, 1 + random() % 4, "\r\n :\0,;\t"[random() % 8]);
          break;
        default:
          bytes.erase(at, 1 + random() % 10);
          break;
      }
      if (bytes.empty()) bytes = "G";
    }
    RequestHead head;
    const auto outcome = parse(bytes, head);
    if (outcome.state != State::complete) continue;
    ++accepted;
    ASSERT_LE(outcome.consumed, bytes.size());
    for (const auto& field : head.fields) {
      ASSERT_EQ(field.value.find_first_of("\r\n"), std::string_view::npos);
      ASSERT_FALSE(field.name.empty());
    }
  }
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, 9'000);
}

TEST(ResponseHead, DecidesOnTheBody) {
  struct Case {
    const char* bytes;
    const char* method;
    Framing framing;
    bool keep_alive;
  };
  const Case cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "GET", Framing::length, true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD", Framing::none, true},
      {"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n", "GET", Framing::chunked, true},
      {"HTTP/1.1 200 \r\n\r\n", "GET", Framing::until_close, false},
      {"HTTP/1.1 204 No\r\n\r\n", "GET", Framing::none, true},
      {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", "GET", Framing::length, false},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n", "GET", Framing::length,
       false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.bytes);
    ResponseHead head;
    std::size_t searched = 0;
    ASSERT_EQ(parse_response_head(c.bytes, searched, c.method, {}, head).state, State::complete);
    EXPECT_EQ(head.framing, c.framing);
    EXPECT_EQ(head.keep_alive, c.keep_alive);
  }
  ResponseHead head;
  std::size_t searched = 0;
  EXPECT_EQ(parse_response_head(
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                searched, "GET", {}, head)
                .state,
            State::malformed);
}

std::string decode(std::string_view bytes, std::size_t step, ChunkDecoder::State& state) {
  ChunkDecoder decoder;
  std::string out;
  state = ChunkDecoder::State::more;
  for (std::size_t at = 0; at < bytes.size() && state == ChunkDecoder::State::more;) {
    const auto fed = decoder.feed(bytes.substr(at, step));
    out.append(fed.data);
    state = fed.state;
    at += fed.consumed;
  }
  return out;
}

TEST(ChunkDecoder, GivesTheContentHoweverItIsCut) {
  const std::string bytes =
      "5\r\nhello\r\nA;name=\"v\"\r\n0123456789\r\n0\r\nX-Trailer: y\r\n\r\nnext";
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    ChunkDecoder::State state;
    EXPECT_EQ(decode(bytes, step, state), "hello0123456789");
    EXPECT_EQ(state, ChunkDecoder::State::done);
  }
}

TEST(ChunkDecoder, RefusesEveryOtherSpelling) {
  for (const auto* bytes :
       {" 5\r\nhello\r\n", "5 \r\nhello\r\n", "0x5\r\nhello\r\n", "-1\r\n", "5;\r\nhello\r\n",
        "5\nhello\r\n", "5\r\nhello!\r\n", "5\r\nhello\n0\r\n\r\n", "5;a\x01\r\nhello\r\n", "\r\n",
        "FFFFFFFFFFFFFFFFF\r\n", "0\r\nbad trailer\r\n\r\n", "0\r\n\n", "5\rhello"}) {
    SCOPED_TRACE(bytes);
    for (const std::size_t step : {1U, 3U, 100U}) {
      ChunkDecoder::State state;
      decode(bytes, step, state);
      EXPECT_EQ(state, ChunkDecoder::State::malformed);
    }
  }
}

TEST(ChunkHead, IsReadBackTheSame) {
  for (const std::size_t size : {1ul, 15ul, 16ul, 255ul, 65'536ul, 123'456'789ul}) {
    char text[18];
    const std::string head(text, write_chunk_head(text, size));
    EXPECT_EQ(std::stoul(head, nullptr, 16), size);
    EXPECT_TRUE(head.ends_with("\r\n"));
  }
}

}  // namespace
}  // namespace hawser::wire
