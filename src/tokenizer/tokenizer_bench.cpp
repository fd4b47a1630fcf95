// Speed of counting in one thread. The texts are made up so that they repeat themselves no more
// than those of people do: the cache of words must not shine.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "base/utf8.hpp"
#include "tokenizer/counter.hpp"
#include "tokenizer/tokenizer.hpp"
#include "tokenizer/vocabulary.hpp"

namespace hawser::tokenizer {
namespace {

constexpr std::size_t text_size = 4 << 20;

std::string file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

std::string grow(const std::function<void(std::string&)>& add) {
  std::string text;
  while (text.size() < text_size) add(text);
  return text;
}

std::size_t pick(std::size_t count) {
  static std::mt19937 dice(1);
  return dice() % count;
}

std::string of_alphabet(std::string_view alphabet) {
  return grow([=](std::string& text) { text += alphabet[pick(alphabet.size())]; });
}

/// The words of our own prose as often as they come there; one of 32 is of no language.
std::string english() {
  std::istringstream prose(file(HAWSER_SOURCE_DIR "/README.md") +
                           file(HAWSER_SOURCE_DIR "/docs/architecture.md") +
                           file(HAWSER_SOURCE_DIR "/docs/resume.md"));
  const std::vector<std::string> words(std::istream_iterator<std::string>(prose), {});
  const std::string_view syllables[] = {"ha", "con",  "re", "ter", "ing",
                                        "mo", "lith", "an", "dis", "ver"};
  return grow([&](std::string& text) {
    if (pick(32) == 0) {
      for (std::size_t left = 2 + pick(3); left > 0; --left) text += syllables[pick(10)];
    } else {
      text += words[pick(words.size())];
    }
    text += pick(14) == 0 ? '\n' : ' ';
  });
}

/// Common words, the n-th as often as 1 / n; one of eight is any character.
std::string chinese() {
  const std::string_view words[] = {"\u7684",       "\u662f",       "\u5728",       "\u4e86",
                                    "\u6211\u4eec", "\u4e00\u4e2a", "\u548c",       "\u53ef\u4ee5",
                                    "\u6709",       "\u4e0d",       "\u4eba",       "\u4e2d\u56fd",
                                    "\u6ca1\u6709", "\u4ed6\u4eec", "\u8fd9\u4e2a", "\u95ee\u9898",
                                    "\u65f6\u5019", "\u56e0\u4e3a", "\u5de5\u4f5c", "\u53d1\u5c55",
                                    "\u793e\u4f1a", "\u7ecf\u6d4e", "\u7cfb\u7edf", "\u6a21\u578b",
                                    "\u6570\u636e", "\u4f7f\u7528", "\u8fdb\u884c", "\u901a\u8fc7",
                                    "\u65b9\u6cd5", "\u751f\u6d3b", "\u5b66\u4e60", "\u4e16\u754c"};
  return grow([&](std::string& text) {
    for (std::size_t left = 3 + pick(8); left > 0; --left) {
      if (pick(8) == 0) {
        append_utf8(text, 0x4e00 + static_cast<std::uint32_t>(pick(0x5000)));
      } else {
        text += words[pick(1 + pick(std::size(words)))];
      }
    }
    text += pick(3) == 0 ? "\u3002" : "\uff0c";
  });
}

/// All tokens of o200k.
std::vector<std::string> all_tokens() {
  const Vocabulary& vocabulary = Vocabulary::of(Encoding::o200k);
  std::vector<std::string> tokens(vocabulary.size());
  for (int byte = 0; byte < 256; ++byte) {
    const std::string one(1, static_cast<char>(byte));
    tokens[vocabulary.longest(one).token] = one;
  }
  for (Rank token = 0; token < vocabulary.size(); ++token) {
    const auto [left, right] = vocabulary.parts_of(token);
    if (left != token) tokens[token] = tokens[left] + tokens[right];
  }
  return tokens;
}

/// Those that are words of small letters.
std::vector<std::string> words_of_vocabulary(std::size_t size_min) {
  auto words = all_tokens();
  std::erase_if(words, [=](const std::string& text) {
    return text.size() < size_min ||
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz") != std::string::npos;
  });
  return words;
}

/// Of tokens in other scripts all but the last character.
std::string wide_beginnings(std::size_t a_word) {
  std::vector<std::string> parts;
  for (std::string& token : all_tokens()) {
    const bool wide =
        std::all_of(token.begin(), token.end(), [](char c) { return (c & 0x80) != 0; });
    if (!wide || !is_utf8(token)) continue;
    while ((token.back() & 0xc0) == 0x80) token.pop_back();
    token.pop_back();
    if (!token.empty()) parts.push_back(std::move(token));
  }
  return grow([&](std::string& text) {
    for (std::size_t left = a_word; left > 0; --left) text += parts[pick(parts.size())];
    text += ' ';
  });
}

/// Words that nobody has seen before: no cache knows them.
std::string random_words(std::size_t size_max) {
  return grow([=](std::string& text) {
    for (std::size_t left = 2 + pick(size_max - 1); left > 0; --left) {
      text += static_cast<char>('a' + pick(26));
    }
    text += ' ';
  });
}

/// Tokens without their ends: what is looked for is long, and what is found is short.
std::string beginnings(std::size_t a_word) {
  const auto tokens = words_of_vocabulary(6);
  return grow([&](std::string& text) {
    for (std::size_t left = a_word; left > 0; --left) {
      const std::string& token = tokens[pick(tokens.size())];
      text.append(token, 0, token.size() - 1 - pick(2));
    }
    if (a_word < 100) text += ' ';
  });
}

/// Each token begins in the one before: the first that fits is often the wrong one.
std::string overlaps(std::size_t a_word) {
  auto tokens = words_of_vocabulary(4);
  std::sort(tokens.begin(), tokens.end());
  std::string last = tokens[pick(tokens.size())];
  return grow([&](std::string& text) {
    for (std::size_t left = a_word; left > 0; --left) {
      const std::string shared = last.substr(last.size() - 2 - pick(2));
      const auto from = std::lower_bound(tokens.begin(), tokens.end(), shared);
      const auto to = std::lower_bound(from, tokens.end(), shared + '\x7f');
      if (from == to) {
        last = tokens[pick(tokens.size())];
        text += last;
        continue;
      }
      last = from[static_cast<std::ptrdiff_t>(pick(static_cast<std::size_t>(to - from)))];
      text.append(last, shared.size());
    }
    if (a_word < 100) text += ' ';
  });
}

std::string any_characters() {
  return grow([](std::string& text) {
    append_utf8(text, static_cast<std::uint32_t>(0x21 + pick(pick(2) == 0 ? 0x3000 : 0xd000)));
  });
}

void count(benchmark::State& state, Encoding encoding, const std::string& text) {
  const Tokenizer tokenizer(encoding);
  std::size_t tokens = 0;
  for (auto _ : state) benchmark::DoNotOptimize(tokens = tokenizer.count(text));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
  state.counters["bytes_a_token"] = static_cast<double>(text.size()) / static_cast<double>(tokens);
}

/// A stream of pieces as models send them.
void count_stream(benchmark::State& state, const std::string& text) {
  for (auto _ : state) {
    Counter counter(Encoding::o200k);
    for (std::size_t at = 0; at < text.size(); at += 5) counter.append({text.data() + at, 5});
    benchmark::DoNotOptimize(counter.total());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

void add(const std::string& name, const std::string& text) {
  for (const Encoding encoding : {Encoding::o200k, Encoding::cl100k}) {
    const std::string full = name + (encoding == Encoding::o200k ? "/o200k" : "/cl100k");
    benchmark::RegisterBenchmark(full.c_str(), [=](benchmark::State& state) {
      count(state, encoding, text);
    })->Unit(benchmark::kMillisecond);
  }
}

void add_all() {
  const std::string prose = english();
  add("english", prose);
  add("chinese", chinese());
  const std::string digits = "0123456789", small = "abcdefghijklmnopqrstuvwxyz";
  add("worst/one_letter", std::string(text_size, 'a'));
  add("worst/blanks", std::string(text_size, ' '));
  add("worst/random_blanks", of_alphabet(" \t\n"));
  add("worst/random_letters", of_alphabet(small));
  add("worst/frequent_letters", of_alphabet("etaoin"));
  add("worst/random_base64", of_alphabet(digits + small + "ABCDEFGHIJKLMNOPQRSTUVWXYZ+/"));
  add("worst/random_signs", of_alphabet("!@#$%^&*()-=+[]{};:,.<>/?|"));
  add("worst/any_characters", any_characters());
  add("worst/short_random_words", random_words(6));
  add("worst/random_words", random_words(14));
  add("worst/words_of_beginnings", beginnings(2));
  add("worst/beginnings", beginnings(100));
  add("worst/wide_beginnings", wide_beginnings(3));
  add("worst/long_wide_beginnings", wide_beginnings(100));
  add("worst/words_of_overlaps", overlaps(3));
  add("worst/overlaps", overlaps(100));
  if (const char* path = std::getenv("HAWSER_BENCH_TEXT")) add("given", file(path));
  benchmark::RegisterBenchmark("stream/english", [=](benchmark::State& state) {
    count_stream(state, prose);
  })->Unit(benchmark::kMillisecond);
}

}  // namespace
}  // namespace hawser::tokenizer

int main(int argc, char** argv) {
  hawser::tokenizer::add_all();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
