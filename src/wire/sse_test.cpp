#include "wire/sse.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include <vector>

namespace hawser::wire {
namespace {

/// Where events end, counted from the start of the stream, when it is fed in steps.
std::vector<std::size_t> ends(std::string_view bytes, std::size_t step) {
  SseScanner scanner;
  std::vector<std::size_t> out;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    const auto whole = scanner.feed(bytes.substr(at, step));
    if (whole > 0) out.push_back(at + whole);
  }
  return out;
}

TEST(SseScanner, FindsTheEndOfTheLastWholeEvent) {
  EXPECT_EQ(ends("data: a\n\ndata: b", 100), std::vector<std::size_t>{9});
  EXPECT_EQ(ends("data: a\r\n\r\ndata: b\r\n\r\n", 100), std::vector<std::size_t>{22});
  EXPECT_EQ(ends("data: a\r\rdata", 100), std::vector<std::size_t>{9});
  EXPECT_TRUE(ends("data: a\n", 100).empty());
  EXPECT_EQ(ends(": comment\n\n", 100), std::vector<std::size_t>{11});
  EXPECT_EQ(SseScanner().feed({}), 0U);  // a view of nothing, as the end of a body is
}

TEST(SseScanner, EndsAtTheSamePlacesByteByByte) {
  EXPECT_EQ(ends("data: a\n\ndata: b\n\n", 1), (std::vector<std::size_t>{9, 18}));
  // CR LF CR LF: the event is whole at the second CR; its LF still belongs to it.
  EXPECT_EQ(ends("a: b\r\n\r\nc", 1), (std::vector<std::size_t>{7, 8}));
}

std::vector<std::string> decode(std::string_view bytes, std::size_t step) {
  SseDecoder decoder(1000);
  std::vector<std::string> out;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    const auto fed = decoder.feed(bytes.substr(at, step), [&](const SseEvent& event) {
      out.push_back(std::string(event.type) + "|" + std::string(event.data) + "|" +
                    std::string(event.id));
    });
    EXPECT_TRUE(fed.has_value());
  }
  return out;
}

TEST(SseDecoder, ReadsWhatTheStandardSays) {
  const std::string bytes =
      "\xEF\xBB\xBF"
      "data: first\n\n: comment\n\nevent: e\ndata:second\ndata:  third\nid: 7\n\n"
      "data\n\nid: 8\n\nretry: 250\ndata: x\r\n\r\ndata: y\r\rdata: lost";
  const std::vector<std::string> expected{"|first|", "e|second\n third|7", "||7", "|x|8", "|y|8"};
  for (std::size_t step = 1; step <= bytes.size(); ++step) EXPECT_EQ(decode(bytes, step), expected);
}

TEST(SseDecoder, RefusesAnEventAboveItsLimit) {
  SseDecoder decoder(10);
  const auto fed = decoder.feed("data: 0123456789", [](const SseEvent&) {});
  ASSERT_FALSE(fed.has_value());
  EXPECT_EQ(fed.error().code, Code::too_large);
}

TEST(SseDecoder, GivesTheUnterminatedEventOnRequest) {
  SseDecoder decoder(100);
  ASSERT_TRUE(decoder.feed("data: end", [](const SseEvent&) { FAIL(); }).has_value());
  const SseEvent* last = decoder.finish();
  ASSERT_NE(last, nullptr);
  EXPECT_EQ(last->data, "end");
}

TEST(Sse, LinesThatEndWithCrCostNoMoreThanOthers) {
  // Two sizes, so that the machine does not matter: four times the events, about four times the
  // time. Searched to its end for each line the larger one would take sixteen times as long.
  const auto time_of = [](std::size_t events) {
    std::string stream;
    for (std::size_t i = 0; i < events; ++i) stream += "data: x\r\r";
    const auto begun = std::chrono::steady_clock::now();
    SseScanner scanner;
    EXPECT_EQ(scanner.feed(stream), stream.size());
    EXPECT_EQ(scanner.ended(), events);
    std::size_t count = 0;
    SseDecoder decoder(1024);
    EXPECT_TRUE(decoder.feed(stream, [&](const SseEvent&) { ++count; }).has_value());
    EXPECT_EQ(count, events);
    std::string_view rest = stream;
    for (; !rest.empty(); --count) rest.remove_prefix(first_frame(rest).size);
    EXPECT_EQ(count, 0u);
    return std::chrono::steady_clock::now() - begun;
  };
  const auto least_of = [&](std::size_t events) {
    return std::min({time_of(events), time_of(events), time_of(events)});
  };
  EXPECT_LT(least_of(160'000), 9 * least_of(40'000));
}

}  // namespace
}  // namespace hawser::wire
