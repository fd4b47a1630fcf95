#include "sim/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace hawser::sim {
namespace {

constexpr std::array<std::string_view, 32> vocabulary{
    "rope", "ship",  "harbour", "tide",  "wind",    "knot",  "moor",   "sail",
    "mast", "deck",  "anchor",  "storm", "holds",   "while", "around", "moves",
    "the",  "a",     "strong",  "long",  "every",   "line",  "keeps",  "its",
    "end",  "until", "calm",    "water", "returns", "and",   "steady", "light"};

/// Words with the blanks before them: joined they are the text again.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::size_t begin = 0;
  for (std::size_t at = 1; at <= text.size(); ++at) {
    const bool boundary = at == text.size() || (text[at] == ' ' && text[at - 1] != ' ');
    if (!boundary) continue;
    words.emplace_back(text.substr(begin, at - begin));
    begin = at;
  }
  return words;
}

std::uint64_t next(std::uint64_t& state) {  // splitmix64
  state += 0x9e3779b97f4a7c15ull;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

}  // namespace

std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return hash;
}

std::uint64_t count_tokens(std::string_view text) {
  return text.empty() ? 0 : words_of(text).size();
}

std::vector<std::string> make_tokens(std::string_view seed, std::string_view prompt,
                                     std::uint64_t tokens_max, std::uint64_t token_bytes) {
  std::vector<std::string> tokens;
  if (prompt.starts_with("say: ")) {
    tokens = words_of(prompt.substr(5));
    if (tokens.size() > tokens_max) tokens.resize(tokens_max);
    return tokens;
  }
  std::uint64_t count = 0;
  const bool counting = prompt.starts_with("count: ");
  if (counting) {
    std::from_chars(prompt.data() + 7, prompt.data() + prompt.size(), count);
    count = std::min(count, tokens_max);
  }
  std::uint64_t state = stable_hash(seed) ^ stable_hash(prompt);
  const std::uint64_t total = counting ? count : tokens_max;
  for (std::uint64_t i = 0; i < total; ++i) {
    std::string token = i == 0 ? "" : " ";
    token += counting ? std::to_string(i + 1) : std::string(vocabulary[next(state) % 32]);
    if (token_bytes > 0) token.resize(token_bytes, 'x');
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace hawser::sim
