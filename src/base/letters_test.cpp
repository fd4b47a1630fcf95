#include "base/letters.hpp"

#include <string>

#include "gtest/gtest.h"

namespace hawser {
namespace {

char lower(int byte) {
  return static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
}

// Each pair of bytes at each place of texts of each size, beside the definition.
TEST(Letters, AreTheSameInAnyCaseAndNothingElseIs) {
  for (std::size_t size = 1; size < 20; ++size) {
    std::string a(size, 'q');
    std::string b(size, 'Q');
    for (std::size_t at = 0; at < size; ++at) {
      for (int one = 0; one < 256; ++one) {
        for (int other = 0; other < 256; ++other) {
          a[at] = static_cast<char>(one);
          b[at] = static_cast<char>(other);
          ASSERT_EQ(same_letters(a, b), lower(one) == lower(other))
              << one << " and " << other << " at " << at << " of " << size;
        }
      }
      a[at] = 'q';
      b[at] = 'Q';
    }
  }
}

TEST(Letters, TextsOfTwoSizesAreTwo) {
  EXPECT_TRUE(same_letters("", ""));
  EXPECT_FALSE(same_letters("a", ""));
  EXPECT_FALSE(same_letters("cookie", "cookie2"));
  static_assert(same_letters("Content-Type", "content-type"));
  static_assert(!same_letters("content-type", "content_type"));
}

}  // namespace
}  // namespace hawser
