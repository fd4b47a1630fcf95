#include "filter/stream.hpp"

#include <gmock/gmock.h>

#include "filter/sample.hpp"

namespace hawser::filter {
namespace {

using testing::ElementsAre;

std::shared_ptr<const Scanner> made(std::vector<Rule> rules) {
  auto scanner = Scanner::compile(std::move(rules));
  EXPECT_TRUE(scanner) << scanner.error().message;
  return *scanner;
}
std::shared_ptr<const Scanner> made(Detector detector, Action action = Action::mask) {
  return made({{.name = "rule", .looks_for = detector, .action = action}});
}
std::string why_not(Rule rule) {
  const auto scanner = Scanner::compile({std::move(rule)});
  return scanner ? "" : scanner.error().message;
}

/// A stream, and what each call lets leave.
struct Channel {
  explicit Channel(std::shared_ptr<const Scanner> scanner) : stream(std::move(scanner), vault) {}

  std::string feed(std::string_view piece, milliseconds at = milliseconds(0)) {
    return taken([&](Output& out) { stream.feed(piece, Clock::time_point(at), out); });
  }
  std::string release(milliseconds at) {
    return taken([&](Output& out) { stream.release(Clock::time_point(at), out); });
  }
  std::string flush() {
    return taken([&](Output& out) { stream.flush(out); });
  }
  std::string all(std::string_view text) {
    std::string out = feed(text);  // before the flush
    return out + flush();
  }

  Vault vault{"conversation"};
  Stream stream;
  std::vector<Finding> findings;

 private:
  template <class Call>
  std::string taken(Call call) {
    Output out;
    call(out);
    findings.insert(findings.end(), out.findings.begin(), out.findings.end());
    return out.text;
  }
};

TEST(Stream, ActionsOnWhatIsFound) {
  const std::string text = "mail jane@x.org now";
  EXPECT_EQ(Channel(made(Detector::email)).all(text), "mail [EMAIL] now");
  EXPECT_EQ(Channel(made(Detector::email, Action::drop)).all(text), "mail  now");
  EXPECT_EQ(Channel(made(Detector::email, Action::flag)).all(text), text);
  EXPECT_THAT(Channel(made(Detector::email, Action::hash)).all(text),
              testing::MatchesRegex("mail EMAIL#[0-9a-f]{12} now"));
  EXPECT_THAT(Channel(made(Detector::email, Action::pseudonymise)).all(text),
              testing::MatchesRegex("mail EMAIL_[0-9A-Z]{5} now"));
  Channel fixed(made({{.name = "mail", .looks_for = Detector::email, .replacement = "***"}}));
  EXPECT_EQ(fixed.all(text), "mail *** now");
  EXPECT_THAT(fixed.findings, ElementsAre(Finding{.rule = 0, .begin = 5, .size = 10}));

  Channel blocked(made(Detector::email, Action::block));
  EXPECT_EQ(blocked.feed(text), "mail ");
  EXPECT_TRUE(blocked.stream.blocked());
  EXPECT_EQ(blocked.all("more"), "");
  EXPECT_THAT(blocked.findings,
              ElementsAre(Finding{.rule = 0, .begin = 5, .size = 10, .block = true}));
}

TEST(Stream, TheFirstRuleWinsAndFlagsHideNothing) {
  Channel channel(made({
      {.name = "flagged", .looks_for = Keywords{.words = {"jane"}}, .action = Action::flag},
      {.name = "mail", .looks_for = Detector::email},
      {.name = "org", .looks_for = Keywords{.words = {"x.org", "org"}}},
  }));
  EXPECT_EQ(channel.all("jane@x.org x.org jane"), "[EMAIL] [TEXT] jane");
  EXPECT_THAT(channel.findings, ElementsAre(Finding{.rule = 0, .begin = 0, .size = 4},
                                            Finding{.rule = 1, .begin = 0, .size = 10},
                                            Finding{.rule = 2, .begin = 11, .size = 5},
                                            Finding{.rule = 0, .begin = 17, .size = 4}));
}

TEST(Stream, OnlyALivePartialMatchIsHeld) {
  Channel channel(made(default_rules(Direction::answer)));
  EXPECT_EQ(channel.feed("\xe4\xbd\xa0\xe5\xa5\xbd, 2 + 2 = 4. "),
            "\xe4\xbd\xa0\xe5\xa5\xbd, 2 + 2 = 4. ");
  EXPECT_EQ(channel.feed("Write to jane"), "Write to ");
  EXPECT_EQ(channel.feed("@x.or"), "");
  EXPECT_EQ(channel.feed("g at"), "[EMAIL] ");
  EXPECT_EQ(channel.feed(" 4111 1111"), "at ");
  EXPECT_EQ(channel.feed(" 1111 1111"), "");
  EXPECT_EQ(channel.feed("."), "");
  EXPECT_EQ(channel.feed(" "), "[CARD]. ");

  Channel secrets(made({{.name = "keys", .looks_for = Detector::credential}}));
  EXPECT_EQ(secrets.feed("words leave at once, also a task"), "words leave at once, also a task");
  EXPECT_EQ(secrets.feed(" s"), " ");
  EXPECT_EQ(secrets.feed("un"), "sun");
}

TEST(Stream, WhatIsTooLongToHoldIsDroppedAsItComes) {
  Random random(3);
  Channel channel(made(default_rules(Direction::answer)));
  const std::string key = "sk-ant-" + some(random, letters_digits, 600);
  std::string out = channel.feed("key " + key.substr(0, 300));
  EXPECT_EQ(out, "key [KEY]");
  EXPECT_EQ(channel.feed(key.substr(300)), "");
  EXPECT_EQ(channel.all(" end"), " end");
  EXPECT_THAT(
      channel.findings,
      ElementsAre(Finding{.rule = 0, .what = "anthropic_key", .begin = 4, .size = key.size()}));
  const std::string pem = sample_pem(random);
  Channel block(made(default_rules(Direction::answer)));
  EXPECT_EQ(block.feed(pem.substr(0, 100)), "[PRIVATEKEY]");
  EXPECT_EQ(block.feed(pem.substr(100)), "");
  EXPECT_EQ(block.all("\nafter"), "\nafter");
}

TEST(Stream, PrivateKeysInOneLineAndInProse) {
  const auto scanner = made(Detector::private_key);
  const std::string open = "-----BEGIN PRIVATE KEY-----", close = "-----END PRIVATE KEY-----";
  EXPECT_EQ(Channel(scanner).all(open + "\\nMIIB\\nabc=\\n" + close + " x"), "[PRIVATEKEY] x");
  EXPECT_EQ(Channel(scanner).all("`" + open + "` begins a file"), "`[PRIVATEKEY]` begins a file");
  const std::string out =
      Channel(scanner).all(open + " is how it begins and then more of it comes");
  EXPECT_THAT(out, testing::EndsWith("of it comes"));
  const std::string huge = open + "\n" + std::string(20'000, 'A');
  EXPECT_EQ(Channel(scanner).all(huge).size(), 12 + huge.size() - open.size() - PemTail::size_max);
}

TEST(Stream, WaitingEndsAfter200Milliseconds) {
  Channel channel(made(default_rules(Direction::answer)));
  EXPECT_EQ(channel.feed("I am jane", milliseconds(1000)), "I am ");
  EXPECT_EQ(channel.stream.due(), Clock::time_point(milliseconds(1200)));
  EXPECT_EQ(channel.release(milliseconds(1199)), "");
  EXPECT_EQ(channel.release(milliseconds(1200)), "jane");
  EXPECT_EQ(channel.stream.due(), std::nullopt);
  EXPECT_EQ(channel.feed("@x.org, ", milliseconds(1300)), "[EMAIL], ");  // the rest of it
  EXPECT_EQ(channel.feed("hwk_0123", milliseconds(1400)), "");
  EXPECT_EQ(channel.stream.due(), std::nullopt);  // a key's beginning waits
  EXPECT_EQ(channel.release(milliseconds(9000)), "");
  EXPECT_EQ(channel.flush(), "hwk_0123");
}

TEST(Stream, StateIsSmall) {
  Random random(5);
  const std::string text = sample_text(random, 20'000);
  Channel deltas(made(default_rules(Direction::prompt))), whole(made(Detector::email));
  for (std::size_t at = 0; at < text.size(); at += 8) deltas.feed(text.substr(at, 8));
  EXPECT_LE(deltas.stream.memory(), 2048u);
  whole.feed(text);
  EXPECT_LE(whole.stream.memory(), 4096u);
}

TEST(Scanner, RulesThatAreWrongAreTold) {
  EXPECT_EQ(why_not({.name = "a", .looks_for = Keywords{}}),
            "rule a: a keyword list needs at least one word");
  EXPECT_EQ(why_not({.name = "a", .looks_for = Expression{.pattern = "(x"}}),
            "rule a: missing ): (x");
  EXPECT_EQ(why_not({.name = "a", .looks_for = Expression{.pattern = "x*"}}),
            "rule a: it matches the empty text");
  EXPECT_EQ(why_not({.name = "a", .looks_for = Expression{.pattern = "x", .size_max = 1000}}),
            "rule a: a match may have 1 to 512 bytes");
  EXPECT_EQ(why_not({.name = "a", .looks_for = Expression{.pattern = "(?=x)"}}),
            "rule a: invalid perl operator: (?=");
  EXPECT_EQ(why_not({.name = "a", .label = "x"}), "rule a: a label has 2 to 16 capital letters");
}

TEST(Scanner, ManyKeywordsAreReadySoon) {
  Random random(4);
  Keywords keywords;
  for (int i = 0; i < 5000; ++i) keywords.words.push_back(some(random, smalls, 12));
  const std::string word = keywords.words[4321];
  const auto begin = Clock::now();
  const auto scanner = made({{.name = "words", .looks_for = std::move(keywords)}});
  EXPECT_LT(Clock::now() - begin, milliseconds(1000));  // 200 ms with margin for sanitizers
  EXPECT_EQ(Channel(scanner).all("x " + word + " y"), "x [TEXT] y");
}

TEST(Expression, ItsLengthIsBounded) {
  const auto scanner =
      made({{.name = "a", .looks_for = Expression{.pattern = "a+b?", .size_max = 8}}});
  EXPECT_EQ(Channel(scanner).all("aaab " + std::string(10, 'a') + "b"), "[TEXT] [TEXT][TEXT]");
}

TEST(Keywords, CaseAndWholeWords) {
  const auto scanner =
      made({{.name = "a",
             .looks_for = Keywords{
                 .words = {"Secret plan", "plan"}, .any_case = true, .whole_words = true}}});
  EXPECT_EQ(Channel(scanner).all("SECRET PLAN, plans, a Plan"), "[TEXT], plans, a [TEXT]");
}

TEST(Keywords, AnyCaseIsOfEveryScript) {
  const auto scanner =
      made({{.name = "a",
             .looks_for = Keywords{.words = {"\u041f\u0440\u043e\u0435\u043a\u0442", "stra\u00dfe",
                                             "\u03a3\u039f\u03a6\u039f\u03a3", "kelvin"},
                                   .any_case = true}}});
  const auto check = [&](const std::string& text, bool found) {
    const std::string whole = Channel(scanner).all("a " + text + " b");
    EXPECT_EQ(whole, found ? "a [TEXT] b" : "a " + text + " b") << text;
    // Wherever it is cut, within its characters too.
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      Channel channel(scanner);
      std::string out = channel.feed("a " + text.substr(0, cut));
      out += channel.feed(text.substr(cut) + " b");
      out += channel.flush();
      EXPECT_EQ(out, whole) << text << " cut at " << cut;
    }
  };
  for (const auto* text :
       {"\u043f\u0440\u043e\u0435\u043a\u0442", "\u041f\u0420\u041e\u0415\u041a\u0422",
        "\u043f\u0420\u043e\u0415\u043a\u0422", "STRA\u00dfE", "\u03c3\u03bf\u03c6\u03bf\u03c2",
        "\u212aELVIN"}) {
    check(text, true);
  }
  check("\u03c3\u03bf\u03c6\u03cc\u03c2", false);  // an accent makes another letter
  EXPECT_EQ(Channel(scanner).all("\xd0 \xd0\xbf \xff"), "\xd0 \xd0\xbf \xff");
}

}  // namespace
}  // namespace hawser::filter
