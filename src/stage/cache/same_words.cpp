#include "stage/cache/same_words.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_set>
#include <vector>

#include "stage/cache/language.hpp"

namespace hawser::stage::cache {
namespace {

using Texts = std::vector<std::string>;

/// Words that carry a question and not its meaning. Question words, prepositions, quantities and
/// tenses are none: they turn one question into another.
constexpr std::array<std::string_view, 46> carriers{
    "a",        "am",   "an",      "are",   "be",     "can",   "could", "describe",
    "do",       "does", "explain", "give",  "have",   "hello", "help",  "hey",
    "hi",       "i",    "id",      "im",    "is",     "it",    "its",   "just",
    "kindly",   "know", "like",    "me",    "my",     "need",  "of",    "please",
    "question", "so",   "tell",    "thank", "thanks", "that",  "the",   "this",
    "to",       "want", "what",    "whats", "would",  "you"};
constexpr std::array<std::string_view, 21> chinese_carriers{
    "\u8bf7", "\u5417", "\u7684", "\u4e86", "\u662f", "\u4ec0", "\u4e48",
    "\u6211", "\u4f60", "\u80fd", "\u53ef", "\u4ee5", "\u544a", "\u8bc9",
    "\u4e00", "\u4e0b", "\u5462", "\u554a", "\u5427", "\u60f3", "\u95ee"};
constexpr std::array negations{"aint",    "barely",  "cannot",  "except", "excluding", "hardly",
                               "neither", "never",   "no",      "nobody", "none",      "nor",
                               "not",     "nothing", "nowhere", "unless", "without"};
constexpr std::array chinese_negations{"\u4e0d", "\u6ca1", "\u672a", "\u65e0", "\u975e",
                                       "\u522b", "\u52ff", "\u83ab", "\u9664"};
constexpr std::array<std::string_view, 21> number_words{
    "zero",     "one",     "two",     "three",     "four",     "five",     "six",
    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",   "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"};

/// What a text is made of, for comparing.
struct Parts {
  Texts meaning{};  // words that are no carriers, in lower case and without their endings
  Texts marks{};    // numbers, names, identifiers, quoted strings, in order
  std::size_t negations = 0;
  std::size_t latin = 0;  // letters
  std::size_t wide = 0;   // characters of other scripts
  LanguageGuess language{};
};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_wide(char c) {
  return (c & 0x80) != 0;
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = is_upper(c) ? static_cast<char>(c + 32) : c;
  return out;
}

template <class List>
bool among(const List& list, std::string_view word) {
  return std::any_of(std::begin(list), std::end(list),
                     [&](std::string_view one) { return one == word; });
}

/// Plurals and the like; crude, and the same for both sides.
std::string stem(std::string word) {
  for (const std::string_view ending : {"\u2019s", "'s", "ing", "ed", "es", "s"}) {
    if (word.size() > ending.size() + 2 && word.ends_with(ending)) {
      word.resize(word.size() - ending.size());
      break;
    }
  }
  if (word.size() > 3 && word.ends_with('e')) word.pop_back();
  return word;
}

/// The end of the character at `at`.
std::size_t next_character(std::string_view text, std::size_t at) {
  ++at;
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
  return at;
}

void take_quoted(std::string_view text, Texts& marks) {
  for (const auto& [open, close] : {std::pair<std::string_view, std::string_view>{"\"", "\""},
                                    {"`", "`"},
                                    {"\u201c", "\u201d"},
                                    {"\u300c", "\u300d"}}) {
    std::size_t at = 0;
    for (;;) {
      const auto begin = text.find(open, at);
      if (begin == std::string_view::npos) break;
      const auto end = text.find(close, begin + open.size());
      if (end == std::string_view::npos) break;
      const auto quoted = text.substr(begin + open.size(), end - begin - open.size());
      marks.push_back("\"" + std::string(quoted));
      at = end + close.size();
    }
  }
}

/// A word that tells things apart by how it is written: Paris, GPT-4, max_tokens, https://x.
bool is_name(std::string_view word, bool begins_sentence) {
  const bool digit = std::any_of(word.begin(), word.end(), [](char c) { return is_digit(c); });
  const bool sign = word.find_first_of("_/:@#.") != std::string_view::npos;
  const auto uppers = std::count_if(word.begin(), word.end(), [](char c) { return is_upper(c); });
  if (digit || sign || uppers > 1) return true;
  return uppers == 1 && !(begins_sentence && is_upper(word.front())) && word.size() > 1;
}

void take_word(std::string_view word, bool begins_sentence, Parts& parts) {
  while (!word.empty() && std::string_view(".:'/").find(word.back()) != std::string_view::npos) {
    word.remove_suffix(1);
  }
  if (word.empty()) return;
  std::string plain = lowered(word);
  parts.language.see_word(plain);
  const auto number = std::find(number_words.begin(), number_words.end(), plain);
  if (number != number_words.end()) {
    parts.marks.push_back(std::to_string(number - number_words.begin()));
    return;
  }
  if (std::all_of(word.begin(), word.end(), [](char c) { return is_digit(c); })) {
    parts.marks.push_back(plain);
    return;
  }
  std::erase(plain, '\'');
  if (among(negations, plain) ||
      (plain.ends_with("nt") && word.find('\'') != std::string_view::npos)) {
    ++parts.negations;
    return;
  }
  if (is_name(word, begins_sentence) && !among(carriers, plain))
    parts.marks.push_back(lowered(word));
  std::string root = stem(plain);
  if (!among(carriers, plain)) parts.meaning.push_back(std::move(root));
}

Parts take_apart(std::string_view text) {
  Parts parts;
  take_quoted(text, parts.marks);
  bool begins = true;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (is_wide(c)) {  // each character is a word, as in Chinese
      const auto end = next_character(text, at);
      const std::string character(text.substr(at, end - at));
      parts.language.see_character(character);
      ++parts.wide;
      if (among(chinese_negations, character)) {
        ++parts.negations;
      } else {
        if (!among(chinese_carriers, character)) parts.meaning.push_back(character);
      }
      at = end;
    } else if (is_letter(c) || is_digit(c)) {
      std::size_t end = at;
      while (end < text.size() && !is_wide(text[end]) &&
             (is_letter(text[end]) || is_digit(text[end]) ||
              std::string_view("'_/:@#.-").find(text[end]) != std::string_view::npos)) {
        ++end;
      }
      parts.latin += end - at;
      take_word(text.substr(at, end - at), begins, parts);
      begins = text[end - 1] == '.' || text[end - 1] == ':';
      at = end;
    } else {
      begins = begins || c == '!' || c == '?' || c == '\n';
      // A sign before digits changes what they say.
      if (c == '-' && at + 1 < text.size() && is_digit(text[at + 1])) {
        parts.marks.emplace_back("-");
      }
      ++at;
    }
  }
  return parts;
}

/// Answers are long: each word is looked up once, not compared with all others.
using Known = std::unordered_set<std::string_view>;

/// Of `words`, those that `others` has too, in their order.
Texts shared(const Texts& words, const Texts& others) {
  const Known known(others.begin(), others.end());
  Texts both;
  for (const auto& word : words) {
    if (known.contains(word)) both.push_back(word);
  }
  return both;
}

bool same_script(const Parts& a, const Parts& b) {
  return (a.wide * 2 > a.latin) == (b.wide * 2 > b.latin);
}

Texts sorted(Texts texts) {
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return texts;
}

}  // namespace

bool same_words(std::string_view a, std::string_view b, Words words) {
  if (a.size() > 2 * b.size() + 32 || b.size() > 2 * a.size() + 32) return false;
  const Parts first = take_apart(a), second = take_apart(b);
  if (first.marks != second.marks || first.negations != second.negations) return false;
  if (!same_script(first, second) || first.language.differs(second.language)) return false;
  if (shared(first.meaning, second.meaning) != shared(second.meaning, first.meaning)) return false;
  return words == Words::loose || sorted(first.meaning) == sorted(second.meaning);
}

bool same_facts(std::string_view a, std::string_view b) {
  const Parts first = take_apart(a), second = take_apart(b);
  const auto stated_by = [](const Texts& marks, const Parts& other) {
    const Known known(other.marks.begin(), other.marks.end());
    const Known meant(other.meaning.begin(), other.meaning.end());
    return std::all_of(marks.begin(), marks.end(), [&](const std::string& mark) {
      return known.contains(mark) || meant.contains(stem(mark));
    });
  };
  return first.negations == second.negations && stated_by(first.marks, second) &&
         stated_by(second.marks, first);
}

}  // namespace hawser::stage::cache
