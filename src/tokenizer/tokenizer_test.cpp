#include "tokenizer/tokenizer.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tokenizer/merge.hpp"

namespace hawser::tokenizer {
namespace {

using testing::ElementsAre;

std::vector<Rank> encode(Encoding encoding, std::string_view text) {
  std::vector<Rank> tokens;
  Tokenizer(encoding).encode(text, tokens);
  return tokens;
}

// Known answers. tests/tokenizer compares with tiktoken at length.
TEST(Tokenizer, SaysWhatTheModelsSay) {
  EXPECT_THAT(encode(Encoding::o200k, "Hello world"), ElementsAre(13225, 2375));
  EXPECT_THAT(encode(Encoding::cl100k, "Hello world"), ElementsAre(9906, 1917));
  EXPECT_THAT(encode(Encoding::o200k, " it's 12345"), ElementsAre(4275, 220, 7633, 2548));
  EXPECT_THAT(encode(Encoding::o200k, ""), ElementsAre());
}

TEST(Tokenizer, SpecialTokensAreOrdinaryText) {
  for (const Encoding encoding : {Encoding::o200k, Encoding::cl100k}) {
    EXPECT_GT(Tokenizer(encoding).count("<|endoftext|>"), 3u);
  }
}

TEST(Tokenizer, WhatIsNoUtf8CountsAsReplacements) {
  const Tokenizer tokenizer(Encoding::o200k);
  struct Case {
    std::string_view bytes, text;
  };
  for (const auto& [bytes, text] :
       {Case{"\xff", "\ufffd"}, Case{"a\x80z", "a\ufffdz"}, Case{"\xe2\x82", "\ufffd"},
        Case{"\xe2\x28\xa1", "\ufffd(\ufffd"}, Case{"\xed\xa0\x80", "\ufffd\ufffd\ufffd"},
        Case{"\xf0\x9f\x98 \xf0\x9f\x98\x80", "\ufffd \U0001f600"},
        Case{"\xe2\xe2\x82\xac", "\ufffd\u20ac"}}) {
    std::vector<Rank> of_bytes, of_text;
    tokenizer.encode(bytes, of_bytes);
    tokenizer.encode(text, of_text);
    EXPECT_EQ(of_bytes, of_text) << text;
    EXPECT_EQ(tokenizer.count(bytes), of_text.size()) << text;
  }
}

TEST(Tokenizer, CountsAsOftenAsItEncodes) {
  std::mt19937 dice(1);
  const std::string_view alphabet[] = {"a",  "b", "The", " of",    "A", " ",
                                       "\n", "1", "'s",  "\u4e2d", "/", "\0"};
  for (const Encoding encoding : {Encoding::o200k, Encoding::cl100k}) {
    for (int round = 0; round < 3000; ++round) {
      std::string text;
      for (std::size_t left = dice() % 40; left > 0; --left) text += alphabet[dice() % 12];
      ASSERT_EQ(Tokenizer(encoding).count(text), encode(encoding, text).size()) << text;
    }
  }
}

/// Merging as it is defined: always the pair of the lowest rank, the leftmost among equals.
std::vector<Rank> merge_by_rank(const std::map<std::string, Rank>& ranks, std::string_view piece) {
  std::vector<std::string> parts;
  for (const char byte : piece) parts.emplace_back(1, byte);
  for (;;) {
    Rank best = ~Rank{0};
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto found = ranks.find(parts[i] + parts[i + 1]);
      if (found != ranks.end() && found->second < best) best = found->second, at = i;
    }
    if (best == ~Rank{0}) break;
    parts[at] += parts[at + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
  std::vector<Rank> tokens;
  tokens.reserve(parts.size());
  for (const auto& part : parts) tokens.push_back(ranks.at(part));
  return tokens;
}

TEST(Merger, IsMergingByRank) {
  const auto& vocabulary = Vocabulary::of(Encoding::o200k);
  // The ranks of all short tokens of a small alphabet, as the tables have them.
  const std::string alphabet = "etaoin";
  std::map<std::string, Rank> ranks;
  std::vector<std::string> words{""};
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i].size() == 6) break;
    for (const char letter : alphabet) {
      words.push_back(words[i] + letter);
      const auto match = vocabulary.longest(words.back());
      if (match.size == words.back().size()) ranks[words.back()] = match.token;
    }
  }
  std::mt19937 dice(1);
  Merger merger(vocabulary);
  for (int round = 0; round < 2000; ++round) {
    std::string piece;
    for (std::size_t left = 1 + dice() % 30; left > 0; --left) piece += alphabet[dice() % 6];
    std::vector<Rank> tokens;
    merger.encode(piece, tokens);
    if (std::any_of(tokens.begin(), tokens.end(),
                    [&](Rank t) { return vocabulary.size_of(t) > 6; }))
      continue;  // not among the short ones
    ASSERT_EQ(tokens, merge_by_rank(ranks, piece)) << piece;
    ASSERT_EQ(merger.count(piece), tokens.size());
  }
}

/// Whatever the length: of one block, of several, and where their borders do not come right.
TEST(Merger, LongPiecesAreMergedAsTheyAreFromTheLeft) {
  const auto& vocabulary = Vocabulary::of(Encoding::o200k);
  Merger merger(vocabulary);
  std::mt19937 dice(2);
  for (int round = 0; round < 3000; ++round) {
    const std::string_view alphabets[] = {
        "ab", "etaoin", "a", " -", "=-", "\xe4\xb8\xad\xe7\x9a\x84", "abcdefghijklmnopqrstuvwxyz"};
    const std::string_view alphabet = alphabets[static_cast<std::size_t>(round) % 7];
    std::string piece;
    while (piece.size() < 1 + dice() % 700) {
      if (dice() % 4 == 0) piece.append(dice() % 90, alphabet[dice() % alphabet.size()]);
      piece += alphabet[dice() % alphabet.size()];
    }
    std::vector<Rank> tokens;
    merger.encode(piece, tokens);
    std::size_t at = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      ASSERT_TRUE(i == 0 || vocabulary.stay_apart(tokens[i - 1], tokens[i])) << piece;
      const std::size_t size = vocabulary.size_of(tokens[i]);
      const auto own = std::string_view(piece).substr(at, size);
      std::vector<Rank> alone;
      merger.encode(own, alone);
      ASSERT_EQ(alone, std::vector<Rank>{tokens[i]}) << piece;
      at += size;
    }
    ASSERT_EQ(at, piece.size());
  }
}

TEST(Tokenizer, TimeIsLinearInTheWorstText) {
  std::mt19937 dice(1);
  std::string letters;
  for (int i = 0; i < 300'000; ++i) letters += static_cast<char>('a' + dice() % 26);
  const Tokenizer tokenizer(Encoding::o200k);
  EXPECT_EQ(tokenizer.count(std::string(800'000, 'a')), 100'000u);
  EXPECT_GT(tokenizer.count(letters), 100'000u);
}

TEST(Tokenizer, ThreadsDoNotDisturbEachOther) {
  const std::string text = "The same text, counted by all at once; it's \u4e2d\u6587 too.";
  const std::size_t expected = Tokenizer(Encoding::o200k).count(text);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        EXPECT_EQ(Tokenizer(Encoding::o200k).count(text), expected);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(Encoding, IsOfTheModel) {
  for (const char* model : {"gpt-4o", "gpt-4o-mini", "gpt-4.1-nano", "gpt-4.5-preview", "gpt-5",
                            "o1", "o3-mini", "o4-mini", "chatgpt-4o-latest", "openai/gpt-4o",
                            "ft:gpt-4o-mini:me::1", "something-new", ""}) {
    EXPECT_EQ(encoding_for(model), Encoding::o200k) << model;
  }
  for (const char* model : {"gpt-4", "gpt-4-turbo", "gpt-4-0613", "gpt-3.5-turbo", "gpt-35-turbo",
                            "text-embedding-3-small", "text-embedding-ada-002", "azure/gpt-4"}) {
    EXPECT_EQ(encoding_for(model), Encoding::cl100k) << model;
  }
  EXPECT_EQ(encoding_named("o200k_base"), Encoding::o200k);
  EXPECT_EQ(encoding_named("cl100k"), Encoding::cl100k);
  EXPECT_EQ(encoding_named("p50k"), std::nullopt);
}

}  // namespace
}  // namespace hawser::tokenizer
