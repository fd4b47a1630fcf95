#include "generation/log.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hawser::generation {
namespace {

std::string text_of(std::uint64_t seq) {
  return std::string(seq % 700, static_cast<char>('a' + seq % 26));
}

TEST(Log, KeepsEventsInOrderWithDenseNumbers) {
  Log log;
  for (std::uint64_t i = 0; i < 1000; ++i) log.append(text_of(i), 1);
  auto position = log.at(0);
  EventRun event;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    ASSERT_TRUE(log.take(position, event));
    EXPECT_EQ(event.seq, i);
    EXPECT_EQ(event.bytes, text_of(i));
  }
  EXPECT_FALSE(log.take(position, event));
}

TEST(Log, ReadersFollowTheWriterAndViewsStay) {
  Log log;
  auto position = log.at(0);
  std::vector<EventRun> seen;
  EventRun event;
  EXPECT_FALSE(log.take(position, event));
  for (std::uint64_t i = 0; i < 200; ++i) {
    log.append(text_of(i), 1);
    ASSERT_TRUE(log.take(position, event));
    ASSERT_FALSE(log.take(position, event));
    seen.push_back(event);
  }
  for (std::uint64_t i = 0; i < 200; ++i) EXPECT_EQ(seen[i].bytes, text_of(i));
}

TEST(Log, APositionMayBeginAnywhere) {
  Log log;
  for (std::uint64_t i = 0; i < 300; ++i) log.append(text_of(i), 1);
  for (std::uint64_t from = 0; from <= 300; ++from) {
    auto position = log.at(from);
    EXPECT_EQ(position.seq, from);
    EventRun event;
    ASSERT_EQ(log.take(position, event), from < 300);
    if (from < 300) {
      EXPECT_EQ(event.bytes, text_of(from));
    }
  }
}

TEST(Log, DropsWholeSegmentsOnly) {
  Log log;
  for (std::uint64_t i = 0; i < 300; ++i) log.append(text_of(i), 1);
  const auto before = log.memory();
  log.drop_before(250);
  EXPECT_LT(log.memory(), before);
  EXPECT_GT(log.first(), 0u);
  EXPECT_LE(log.first(), 250u);
  auto position = log.at(250);
  EventRun event;
  ASSERT_TRUE(log.take(position, event));
  EXPECT_EQ(event.seq, 250u);
  EXPECT_EQ(event.bytes, text_of(250));
}

TEST(Log, APositionAtTheEndOutlivesWhatIsDroppedBehindIt) {
  Log log;
  auto position = log.at(0);
  EventRun event;
  for (std::uint64_t i = 0; i < 500; ++i) {
    log.append(text_of(i), 1);
    log.drop_before(position.seq);
    ASSERT_TRUE(log.take(position, event));
    EXPECT_EQ(event.bytes, text_of(i));
  }
  EXPECT_LT(log.memory(), 40'000u);
}

TEST(Log, EventsThatCameTogetherGoTogetherAndCanBeTakenApart) {
  Log log;
  std::string all;
  std::uint64_t next = 0;
  for (std::uint32_t count : {1u, 3u, 40u, 2u}) {
    std::string run;
    for (std::uint32_t i = 0; i < count; ++i) run += "data: " + std::to_string(next++) + "\n\n";
    log.append(run, count);
    all += run;
  }
  for (std::uint64_t from = 0; from <= next; ++from) {
    auto position = log.at(from);
    EXPECT_EQ(position.seq, from);
    std::string rest;
    EventRun run;
    while (log.take(position, run)) rest += run.bytes;
    EXPECT_EQ(rest,
              from == next ? "" : all.substr(all.find(": " + std::to_string(from) + "\n") - 4));
  }
}

TEST(Log, CostsLittleWhenThereIsLittle) {
  Log log;
  log.append("data: one\n\n", 1);
  EXPECT_LE(log.memory(), 512u);
}

}  // namespace
}  // namespace hawser::generation
