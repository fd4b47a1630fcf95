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
  for (std::uint64_t i = 0; i < 1000; ++i) log.append(text_of(i), i % 3 != 0);
  auto position = log.at(0);
  Event event;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    ASSERT_TRUE(log.take(position, event));
    EXPECT_EQ(event.seq, i);
    EXPECT_EQ(event.bytes, text_of(i));
    EXPECT_EQ(event.data, i % 3 != 0);
  }
  EXPECT_FALSE(log.take(position, event));
}

TEST(Log, ReadersFollowTheWriterAndViewsStay) {
  Log log;
  auto position = log.at(0);
  std::vector<Event> seen;
  Event event;
  EXPECT_FALSE(log.take(position, event));
  for (std::uint64_t i = 0; i < 200; ++i) {
    log.append(text_of(i), true);
    ASSERT_TRUE(log.take(position, event));
    ASSERT_FALSE(log.take(position, event));
    seen.push_back(event);
  }
  for (std::uint64_t i = 0; i < 200; ++i) EXPECT_EQ(seen[i].bytes, text_of(i));
}

TEST(Log, APositionMayBeginAnywhere) {
  Log log;
  for (std::uint64_t i = 0; i < 300; ++i) log.append(text_of(i), true);
  for (std::uint64_t from = 0; from <= 300; ++from) {
    auto position = log.at(from);
    EXPECT_EQ(position.seq, from);
    Event event;
    ASSERT_EQ(log.take(position, event), from < 300);
    if (from < 300) {
      EXPECT_EQ(event.bytes, text_of(from));
    }
  }
}

TEST(Log, DropsWholeSegmentsOnly) {
  Log log;
  for (std::uint64_t i = 0; i < 300; ++i) log.append(text_of(i), true);
  const auto before = log.memory();
  log.drop_before(250);
  EXPECT_LT(log.memory(), before);
  EXPECT_GT(log.first(), 0u);
  EXPECT_LE(log.first(), 250u);
  auto position = log.at(250);
  Event event;
  ASSERT_TRUE(log.take(position, event));
  EXPECT_EQ(event.seq, 250u);
  EXPECT_EQ(event.bytes, text_of(250));
}

TEST(Log, APositionAtTheEndOutlivesWhatIsDroppedBehindIt) {
  Log log;
  auto position = log.at(0);
  Event event;
  for (std::uint64_t i = 0; i < 500; ++i) {
    log.append(text_of(i), true);
    log.drop_before(position.seq);
    ASSERT_TRUE(log.take(position, event));
    EXPECT_EQ(event.bytes, text_of(i));
  }
  EXPECT_LT(log.memory(), 40'000u);
}

TEST(Log, CostsLittleWhenThereIsLittle) {
  Log log;
  log.append("data: one\n\n", true);
  EXPECT_LE(log.memory(), 512u);
}

}  // namespace
}  // namespace hawser::generation
