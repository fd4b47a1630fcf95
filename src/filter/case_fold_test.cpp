#include "filter/case_fold.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace hawser::filter {
namespace {

TEST(CaseFold, FoldsOnceAndKnowsAllThatFoldAlike) {
  std::size_t with_cases = 0;
  for (std::uint32_t point = 0; point < 0x20000; ++point) {
    if (point >= 0xd800 && point < 0xe000) continue;  // halves of pairs
    const std::uint32_t to = folded(point);
    ASSERT_EQ(folded(to), to) << point;
    if (to == point) continue;
    ++with_cases;
    const auto all = all_cases_of(to);
    ASSERT_NE(std::find(all.begin(), all.end(), point), all.end()) << point;
    ASSERT_NE(std::find(all.begin(), all.end(), to), all.end()) << point;
  }
  EXPECT_GT(with_cases, 1'000u) << "the C library has no C.UTF-8: any_case is of ASCII only";
}

TEST(CaseFold, LettersOfSeveralScripts) {
  EXPECT_EQ(folded("MODEL \u0416\u00c4\u03a3"), "model \u0436\u00e4\u03c3");
  EXPECT_EQ(folded(std::uint32_t{0x212a}), std::uint32_t{'k'});  // the Kelvin sign
  EXPECT_EQ(folded(std::uint32_t{0x17f}), std::uint32_t{'s'});   // the long s
  EXPECT_EQ(folded(std::uint32_t{0x4e00}), 0x4e00u);
  EXPECT_EQ(folded("\xff\xc3"), "\xff\xc3");
}

TEST(CaseFold, CharactersAreWholeOrNone) {
  EXPECT_EQ(character_at("\u0416a").point, 0x416u);
  EXPECT_EQ(character_at("\u0416a").size, 2u);
  EXPECT_EQ(character_at("\xf0\x9f\x98\x80").point, 0x1f600u);
  for (const auto* broken : {"", "\xd0", "\xff", "\xe2\x84", "\xed\xa0\x80"}) {
    EXPECT_EQ(character_at(broken).size, 0u);
  }
}

}  // namespace
}  // namespace hawser::filter
