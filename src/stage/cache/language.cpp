#include "stage/cache/language.hpp"

#include <algorithm>

namespace hawser::stage::cache {
namespace {

using Words = std::array<std::string_view, 16>;
// Common words that the other languages do not have, or seldom. Accented letters are no part of
// them: words are cut there.
constexpr std::array<Words, 7> common{{
    {"the", "is", "of", "and", "how", "what", "are", "can", "for", "my", "with", "does", "this",
     "you", "which", "why"},
    {"der", "das", "und", "ist", "nicht", "wie", "ein", "eine", "mit", "ich", "zu", "den", "auf",
     "wird", "welche", "warum"},
    {"le", "les", "des", "est", "une", "et", "je", "dans", "pour", "quel", "qui", "comment", "pas",
     "du", "quelle", "pourquoi"},
    {"el", "los", "las", "una", "cual", "del", "por", "donde", "puedo", "hay", "son", "mis", "esta",
     "y", "lo", "cuando"},
    {"il", "gli", "della", "sono", "che", "di", "quale", "perch", "posso", "nella", "dei", "alla",
     "questo", "dove", "mio", "quando"},
    {"os", "uma", "um", "qual", "voc", "seu", "sua", "isso", "meu", "minha", "onde", "dos", "ao",
     "pelo", "eu", "tem"},
    {"het", "een", "niet", "hoe", "van", "ik", "voor", "wat", "met", "zijn", "naar", "waarom",
     "mijn", "welke", "heeft", "wordt"},
}};

std::uint32_t code_point(std::string_view character) {
  std::uint32_t point = static_cast<unsigned char>(character.front());
  point &= point >= 0xf0 ? 7 : point >= 0xe0 ? 15 : 31;
  for (const char c : character.substr(1))
    point = point << 6 | (static_cast<unsigned char>(c) & 63);
  return point;
}

}  // namespace

void LanguageGuess::see_character(std::string_view character) {
  const std::uint32_t point = code_point(character);
  const auto in = [point](std::uint32_t from, std::uint32_t last) {
    return point >= from && point <= last;
  };
  if (in(0x4e00, 0x9fff) || in(0x3400, 0x4dbf)) {
    ++characters_[0];
  } else if (in(0x3040, 0x30ff)) {
    ++characters_[1];
  } else if (in(0xac00, 0xd7af)) {
    ++characters_[2];
  } else if (in(0x400, 0x52f)) {
    ++characters_[3];
  } else if (in(0x600, 0x6ff)) {
    ++characters_[4];
  } else if (point >= 0x370 && !in(0x2000, 0x2fff) && !in(0x3000, 0x303f) && !in(0xfe00, 0xffef)) {
    ++characters_[5];  // not signs, nor accented Latin letters
  }
}

void LanguageGuess::see_word(std::string_view word) {
  for (std::size_t i = 0; i < common.size(); ++i) {
    words_[i] += std::find(common[i].begin(), common[i].end(), word) != common[i].end() ? 1 : 0;
  }
}

/// -1: not known.
int LanguageGuess::language() const {
  const auto best = std::max_element(words_.begin(), words_.end());
  const auto as_many = std::count(words_.begin(), words_.end(), *best);
  return *best >= 2 && as_many == 1 ? static_cast<int>(best - words_.begin()) : -1;
}

int LanguageGuess::script() const {
  if (characters_[1] > 0) return 1;  // Japanese is written with Han too
  const auto best = std::max_element(characters_.begin(), characters_.end());
  return *best > 0 ? static_cast<int>(best - characters_.begin()) : -1;
}

bool LanguageGuess::differs(const LanguageGuess& other) const {
  const int ours = language(), theirs = other.language();
  if (ours >= 0 && theirs >= 0 && ours != theirs) return true;
  return script() >= 0 && other.script() >= 0 && script() != other.script();
}

}  // namespace hawser::stage::cache
