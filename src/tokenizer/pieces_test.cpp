#include "tokenizer/pieces.hpp"

#include <gmock/gmock.h>

#include <string>
#include <string_view>
#include <vector>

namespace hawser::tokenizer {
namespace {

using testing::ElementsAre;
using Texts = std::vector<std::string_view>;

template <class Pieces>
Texts cut(std::string_view text) {
  Texts pieces;
  const char *at = text.data(), *end = at + text.size();
  while (at < end) {
    const char* next = Pieces::next(at, end).end;
    pieces.emplace_back(at, next - at);
    at = next;
  }
  return pieces;
}
Texts o200k(std::string_view text) {
  return cut<O200kPieces>(text);
}
Texts cl100k(std::string_view text) {
  return cut<Cl100kPieces>(text);
}

TEST(Pieces, AWordTakesTheBlankBefore) {
  EXPECT_THAT(o200k("Hello, big  world"), ElementsAre("Hello", ",", " big", " ", " world"));
  EXPECT_THAT(cl100k("Hello, big  world"), ElementsAre("Hello", ",", " big", " ", " world"));
  EXPECT_THAT(o200k("\tx(y\ny"), ElementsAre("\tx", "(y", "\n", "y"));
}

TEST(Pieces, CapitalsBeginAWordInO200kOnly) {
  EXPECT_THAT(o200k("getHTTPServer"), ElementsAre("get", "HTTPServer"));
  EXPECT_THAT(cl100k("getHTTPServer"), ElementsAre("getHTTPServer"));
  EXPECT_THAT(o200k("!AB!Ab"), ElementsAre("!AB", "!Ab"));
  // Letters without case go with both; of capitals after one, only these are left over.
  EXPECT_THAT(o200k("A\u4e2dBC"), ElementsAre("A\u4e2d", "BC"));
}

TEST(Pieces, ContractionsAreOfTheWordOrAlone) {
  EXPECT_THAT(o200k("it's WE'LL 'sup"), ElementsAre("it's", " WE'LL", " '", "sup"));
  EXPECT_THAT(cl100k("it's WE'LL 'sup"), ElementsAre("it", "'s", " WE", "'LL", " '", "sup"));
  EXPECT_THAT(cl100k("'sup 'xup"), ElementsAre("'s", "up", " '", "xup"));
  EXPECT_THAT(o200k("it'\u017ft"), ElementsAre("it'\u017f", "t"));  // an s, but for its case
  EXPECT_THAT(o200k("a'l"), ElementsAre("a", "'l"));
}

TEST(Pieces, NumbersAreOfThreeDigits) {
  EXPECT_THAT(o200k("12345a"), ElementsAre("123", "45", "a"));
  EXPECT_THAT(cl100k(" 1\u0661\u00bd2"), ElementsAre(" ", "1\u0661\u00bd", "2"));
}

TEST(Pieces, SignsTakeWhatEndsTheirLine) {
  EXPECT_THAT(o200k("a //\r\n/\nb"), ElementsAre("a", " //\r\n/\n", "b"));
  EXPECT_THAT(cl100k("a //\r\n/\nb"), ElementsAre("a", " //\r\n", "/\n", "b"));
  EXPECT_THAT(cl100k("\u200b!?x"), ElementsAre("\u200b!?", "x"));
}

TEST(Pieces, BlanksEndAtTheirLastNewlineOrLeaveOne) {
  EXPECT_THAT(o200k("a \n \n  b"), ElementsAre("a", " \n \n", " ", " b"));
  EXPECT_THAT(o200k("   1"), ElementsAre("  ", " ", "1"));
  EXPECT_THAT(o200k("a\u3000\u3000"), ElementsAre("a", "\u3000\u3000"));
}

TEST(Pieces, BlanksAtTheEndAreOneInCl100k) {
  EXPECT_THAT(cl100k("a \n  "), ElementsAre("a", " \n  "));
  EXPECT_THAT(o200k("a \n  "), ElementsAre("a", " \n", "  "));
}

TEST(Pieces, MarksAreSignsToCl100kAndLettersToO200k) {
  EXPECT_THAT(o200k("e\u0301te"), ElementsAre("e\u0301te"));
  EXPECT_THAT(cl100k("e\u0301te"), ElementsAre("e", "\u0301te"));
  // Before capitals alone a mark is a word.
  EXPECT_THAT(o200k("\u0301AB"), ElementsAre("\u0301", "AB"));
}

TEST(Pieces, WhatWasNotLookedAtDoesNotMatter) {
  for (const std::string_view text :
       {"it's", "ABC d", "a \n  b", "12345", "!?//\nx", "A\u4e2dBCde"}) {
    for (const char* more : {"", "x", "A", "'s", " ", "\n", "1", "!", "\u0301"}) {
      const std::string whole = std::string(text) + more;
      const char *begin = whole.data(), *cut_end = begin + text.size();
      const Piece short_one = O200kPieces::next(begin, cut_end);
      if (cut_end - short_one.reach < reach_beyond) continue;
      EXPECT_EQ(short_one.end, O200kPieces::next(begin, begin + whole.size()).end) << whole;
    }
  }
}

}  // namespace
}  // namespace hawser::tokenizer
