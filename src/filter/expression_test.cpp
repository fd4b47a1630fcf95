#include "filter/expression.hpp"

#include <gmock/gmock.h>
#include <re2/re2.h>

#include "filter/prefix_pattern.hpp"
#include "filter/stream.hpp"

namespace hawser::filter {
namespace {

struct Case {
  const char* pattern;
  const char* match;
};
constexpr std::array cases{
    Case{"ab+c", "abbbc"},
    Case{"a(b|cd)*e", "acdbcde"},
    Case{"(?i)order-[0-9]{4,6}", "ORDER-12345"},
    Case{"[a-c]{2}x{0,3}?y", "bcxxy"},
    Case{"(?P<year>\\d{4})-(?:0[1-9]|1[0-2])", "2024-11"},
    Case{"\\bword\\b", "word"},
    Case{"^(?i:a)B$", "aB"},
    Case{"[[:alpha:]]+[^]x]\\]", "abc5]"},
    Case{"\\x{4eac}\\p{Han}\\.", "\xe4\xba\xac\xe6\xb2\xaa."},
    Case{"(a{2}b{2,}){2}", "aabbaabbb"},
    Case{"\\x41\\101.", "AAz"},
    Case{"a{,2}", "a{,2}"},
    Case{"(|a)b", "ab"},
};

TEST(PrefixPattern, MatchesEveryBeginningAndNothingThatIsNone) {
  for (const Case& test : cases) {
    const auto beginnings = prefix_pattern(test.pattern);
    ASSERT_TRUE(beginnings) << test.pattern;
    const re2::RE2 whole(test.pattern), prefix(*beginnings);
    ASSERT_TRUE(prefix.ok()) << *beginnings;
    const std::string text = test.match;
    ASSERT_TRUE(re2::RE2::FullMatch(text, whole)) << test.pattern;
    for (std::size_t size = 0; size <= text.size(); ++size) {
      if (cut_character(text.substr(0, size)) > 0) continue;
      EXPECT_TRUE(re2::RE2::FullMatch(text.substr(0, size), prefix)) << *beginnings << size;
    }
    EXPECT_FALSE(re2::RE2::FullMatch("~" + text, prefix)) << *beginnings;
    EXPECT_FALSE(re2::RE2::FullMatch(text + "~~~~", prefix)) << *beginnings;
  }
}

TEST(PrefixPattern, WhatCannotBeTakenApartIsAnError) {
  for (const char* pattern : {"\\Qa.b\\E", "a(?i)b", "(a", "[a", "a)"}) {
    EXPECT_FALSE(prefix_pattern(pattern)) << pattern;
  }
}

TEST(Expression, HoldsOnlyTheBeginningOfAMatch) {
  const auto scanner =
      *Scanner::compile({{.name = "a", .looks_for = Expression{.pattern = "OPS-[0-9]{4}\\b"}}});
  Vault vault("key");
  Stream stream(scanner, vault);
  const auto feed = [&stream](std::string_view piece) {
    Output out;
    stream.feed(piece, {}, out);
    return out.text;
  };
  EXPECT_EQ(feed("an OPS"), "an ");
  EXPECT_EQ(feed("-12"), "");
  EXPECT_EQ(feed("x O"), "OPS-12x ");
  EXPECT_EQ(feed("PS-1234"), "");
  EXPECT_EQ(feed(" "), "[TEXT] ");
}

}  // namespace
}  // namespace hawser::filter
