#include "tokenizer/counter.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace hawser::tokenizer {
namespace {

constexpr Encoding encodings[] = {Encoding::o200k, Encoding::cl100k};

TEST(Counter, CutsDoNotMatter) {
  const std::string text =
      "It's  \n\n  what we'd've said: HTTPServer\u4e2d\u6587ABC 12345 //\n\n "
      "\U0001f468\u200d\U0001f469 e\u0301 x\xff\xe2\x82 'S   ";
  for (const Encoding encoding : encodings) {
    const std::size_t whole = Tokenizer(encoding).count(text);
    for (std::size_t step = 1; step <= text.size(); ++step) {
      Counter counter(encoding);
      for (std::size_t at = 0; at < text.size(); at += step) counter.append(text.substr(at, step));
      EXPECT_EQ(counter.total(), whole) << step;
    }
  }
}

TEST(Counter, LongTextsAreCountedOnTheWay) {
  std::mt19937 dice(1);
  const std::string_view parts[] = {"The ", "token", "'s",     " \n", "\n",
                                    "  ",   "AB",    "\u4e2d", "7",   "!/"};
  for (const Encoding encoding : encodings) {
    std::string text;
    Counter counter(encoding);
    for (int i = 0; i < 20'000; ++i) {
      const auto part = parts[dice() % 10];
      text += part;
      counter.append(part);
      ASSERT_LT(counter.kept(), 2000u);
      if (i % 1000 == 0) {
        ASSERT_EQ(counter.total(), Tokenizer(encoding).count(text));
      }
    }
    EXPECT_EQ(counter.total(), Tokenizer(encoding).count(text));
  }
}

TEST(Counter, OneWordWithoutEndTakesLinearTime) {
  Counter counter(Encoding::o200k);
  for (int i = 0; i < 400'000; ++i) counter.append("a");
  EXPECT_EQ(counter.total(), 50'000u);
}

TEST(Counter, CountsNothing) {
  EXPECT_EQ(Counter(Encoding::o200k).total(), 0u);
}

}  // namespace
}  // namespace hawser::tokenizer
