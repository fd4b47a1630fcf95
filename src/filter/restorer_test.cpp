#include "filter/restorer.hpp"

#include <gmock/gmock.h>

#include <cstdio>

#include "filter/sample.hpp"
#include "filter/stream.hpp"

namespace hawser::filter {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t values_count = 5'000;
#else
constexpr std::size_t values_count = 100'000;
#endif

std::string restored(const Vault& vault, std::string_view text) {
  Restorer restorer(vault);
  std::string out;
  restorer.feed(text, out);
  restorer.flush(out);
  return out;
}

TEST(Vault, OneValueOnePseudonym) {
  Vault vault("a"), same("a"), other("b");
  const std::string word = vault.pseudonym("EMAIL", "jane@x.org");
  EXPECT_THAT(word, testing::MatchesRegex("EMAIL_[2-9A-Z]{5}"));
  EXPECT_TRUE(is_pseudonym(word));
  EXPECT_EQ(vault.pseudonym("EMAIL", "jane@x.org"), word);
  EXPECT_EQ(same.pseudonym("EMAIL", "jane@x.org"), word);
  EXPECT_NE(other.pseudonym("EMAIL", "jane@x.org"), word);
  EXPECT_NE(vault.pseudonym("EMAIL", "jim@x.org"), word);
  EXPECT_EQ(*vault.value_of(word), "jane@x.org");
  EXPECT_EQ(vault.value_of("EMAIL_22222"), nullptr);
}

TEST(Vault, SlipsOfOneCharacterAreSeen) {
  Vault vault("a");
  const std::string word = vault.pseudonym("EMAIL", "jane@x.org");
  for (std::size_t at = 6; at < word.size(); ++at) {
    for (const char c : pseudonym_alphabet) {
      std::string slip = word;
      slip[at] = c;
      EXPECT_EQ(is_pseudonym(slip), slip == word) << slip;
    }
  }
}

TEST(Restorer, GivesBackWhatTheVaultGaveAndNothingElse) {
  Vault vault("a");
  const std::string word = vault.pseudonym("EMAIL", "jane@x.org");
  std::string small = word;
  for (char& c : small) c = static_cast<char>(std::tolower(c));
  EXPECT_EQ(restored(vault, "to " + word + ", " + small + "'s"), "to jane@x.org, jane@x.org's");
  EXPECT_EQ(restored(vault, "x" + word + "s_"), "xjane@x.orgs_");
  for (const char* text : {"EMAIL_22222", "EMAIL_", "EMAIL", "EMAIL_7", "PHONE_22222", "E", ""}) {
    EXPECT_EQ(restored(vault, text), text);
  }
  Vault stranger("b");
  EXPECT_EQ(restored(stranger, word), word);
  stranger.pseudonym("EMAIL", "jim@x.org");
  Restorer restorer(stranger);
  std::string out;
  restorer.feed(word + " ", out);
  EXPECT_EQ(out, word + " ");
  EXPECT_EQ(restorer.unmatched(), 1u);
  EXPECT_EQ(restorer.restored(), 0u);
}

TEST(Restorer, HoldsOnlyWhatMayBeAPseudonym) {
  Vault vault("a");
  const std::string word = vault.pseudonym("EMAIL", "jane@x.org");
  Restorer restorer(vault);
  std::string out;
  restorer.feed("An answer in English leav", out);
  EXPECT_EQ(out, "An answer in English leav");
  restorer.feed("es. E", out);
  EXPECT_EQ(restorer.held(), 1u);
  restorer.feed("nd " + word.substr(0, 4), out);
  EXPECT_EQ(restorer.held(), 4u);
  restorer.feed(word.substr(4) + ".", out);
  EXPECT_EQ(out, "An answer in English leaves. End jane@x.org.");
  EXPECT_EQ(restorer.held(), 0u);
}

/// What a model echoes comes back as it was sent, however both ways are cut.
TEST(Restorer, RoundTripIsTheIdentity) {
  std::vector<Rule> rules = default_rules(Direction::prompt);
  std::erase_if(rules, [](const Rule& rule) { return rule.name == "private_key"; });
  for (Rule& rule : rules) rule.action = Action::pseudonymise;
  const auto scanner = *Scanner::compile(rules);
  Random random(5);
  Vault vault("conversation");
  std::size_t values = 0;
  while (values < values_count) {
    std::string text;
    for (int i = 0; i < 20; ++i) {
      auto detector = static_cast<Detector>(below(random, detectors_count));
      if (is_secret(detector)) detector = Detector::credential;  // longer than 256: not all is kept
      text += "word " + sample(detector, random) + (i % 2 == 0 ? ", " : " ");
    }
    Stream stream(scanner, vault);
    Restorer restorer(vault);
    Output sent;
    std::string back;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = between(random, 1, 20);
      stream.feed(std::string_view(text).substr(at, size), {}, sent);
      at += size;
    }
    stream.flush(sent);
    ASSERT_GE(sent.findings.size(), 18u) << text;
    for (const Finding& finding : sent.findings) {
      const std::string value = text.substr(finding.begin, finding.size);
      ASSERT_EQ(sent.text.find(value), std::string::npos) << value;
    }
    values += sent.findings.size();
    for (std::size_t at = 0; at < sent.text.size();) {
      const std::size_t size = between(random, 1, 20);
      restorer.feed(std::string_view(sent.text).substr(at, size), back);
      at += size;
    }
    restorer.flush(back);
    ASSERT_EQ(back, text);
  }
  std::printf(
      "figure: %zu values pseudonymised, echoed and restored: all the same (required 100,000)\n",
      values);
}

}  // namespace
}  // namespace hawser::filter
