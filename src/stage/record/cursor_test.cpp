#include "stage/record/cursor.hpp"

#include <gtest/gtest.h>

namespace hawser::stage::record {
namespace {

constexpr std::string_view id = "g-00abc";

TEST(Cursor, NamesTheLastEventThatTheClientHas) {
  EXPECT_EQ(*parse_cursor("", id), 0u);
  EXPECT_EQ(*parse_cursor("0", id), 1u);
  EXPECT_EQ(*parse_cursor("1.41", id), 42u);
  EXPECT_EQ(*parse_cursor("g-00abc.1.41", id), 42u);
}

TEST(Cursor, WhatIsNotOneIsRefused) {
  for (const auto bad : {"x", "-1", "1.", ".1", "1.x", "2.5", "1.2.3", "g-00abc", "g-00abc.",
                         "g-00abcd.1.2", "g-other.1.2", "99999999999999999999", "1 ", "0x1"}) {
    EXPECT_FALSE(parse_cursor(bad, id)) << bad;
  }
}

TEST(Cursor, QueryValues) {
  EXPECT_EQ(query_value("a=1&after=1.5&b=", "after"), "1.5");
  EXPECT_EQ(query_value("a=1&b=", "b"), "");
  EXPECT_EQ(query_value("afterx=1", "after"), "");
}

}  // namespace
}  // namespace hawser::stage::record
