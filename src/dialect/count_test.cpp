#include "dialect/count.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace hawser::dialect {
namespace {

TEST(Count, ReadsEverySpellingThatSomeReaderTakes) {
  for (const auto* text : {"64", "64.0", "6.4e1", "6.4E+1", "63.2", "\"64\"", "\" 64 \"", "\"+64\"",
                           "\"6_4\"", R"("\u00364")", "\"64.0\"", "\"6.4e1\"", "64 "}) {
    EXPECT_EQ(read_count(text), 64u) << text;
  }
  EXPECT_EQ(read_count("true"), 1u);
  EXPECT_EQ(read_count("0"), 0u);
  EXPECT_EQ(read_count("-3"), 0u);
  EXPECT_EQ(read_count("0.1"), 1u);
  EXPECT_EQ(read_count("1e-400"), 1u);
  constexpr auto largest = std::numeric_limits<std::uint32_t>::max();
  EXPECT_EQ(read_count("4294967296"), largest);
  EXPECT_EQ(read_count("1e400"), largest);
}

TEST(Count, WhatNobodyReadsIsNone) {
  for (const auto* text : {"", "\"\"", "null", "\"many\"", "\"0x40\"", "\"64 of them\"", "[64]",
                           "{}", "\"++64\"", "\"nan\"", "\"inf\"", "\"64"}) {
    EXPECT_FALSE(read_count(text)) << text;
  }
}

}  // namespace
}  // namespace hawser::dialect
