#include "base/hex.hpp"

#include <gtest/gtest.h>

namespace hawser {
namespace {

TEST(Hex, GoesThereAndBack) {
  const std::string bytes("\x00\x7f\x80\xff", 4);
  EXPECT_EQ(to_hex(bytes), "007f80ff");
  EXPECT_EQ(from_hex("007f80ff"), bytes);
  EXPECT_EQ(to_hex(""), "");
}

TEST(Hex, RefusesWhatIsNone) {
  for (const char* text : {"0", "0g", "FF", " 00", "0x00"}) EXPECT_EQ(from_hex(text), std::nullopt);
}

}  // namespace
}  // namespace hawser
