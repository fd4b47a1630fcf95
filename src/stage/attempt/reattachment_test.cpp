#include "stage/attempt/reattachment.hpp"

#include <gtest/gtest.h>

namespace hawser::stage::attempt {
namespace {

TEST(HopLines, TakesOutWhatIsForThisHop) {
  HopLines lines;
  EXPECT_EQ(
      lines.take_out("id: g-1.1.0\ndata: a\n\nid: g-1.1.1\nevent: x\ndata: b\ndata: id: g-\n\n"),
      "data: a\n\nevent: x\ndata: b\ndata: id: g-\n\n");
  EXPECT_EQ(lines.cursor(), "g-1.1.1");
  EXPECT_EQ(lines.take_out(": hb 2\n: hb 2\nid: g-1.1.2\r\ndata: c\r\n\r\n"), "data: c\r\n\r\n");
  EXPECT_EQ(lines.cursor(), "g-1.1.2");
}

TEST(HopLines, LeavesTheProvidersOwn) {
  HopLines lines;
  const auto* events = ": comment\n\ndata: a\nid: g-1.1.0\n\nid: 7\ndata: b\n\n";
  EXPECT_EQ(lines.take_out(events), events);
}

TEST(HopLines, CountsWhereEventsHaveNoIds) {
  HopLines lines;
  EXPECT_EQ(lines.cursor(), "");
  lines.take_out("data: a\n\n: comment\n\n");
  EXPECT_EQ(lines.cursor(), "1");
  lines.take_out(": hb 2\ndata: b\n\n");
  EXPECT_EQ(lines.cursor(), "2");
}

}  // namespace
}  // namespace hawser::stage::attempt
