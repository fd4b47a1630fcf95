#pragma once

#include "tokenizer/characters.hpp"
#include "tokenizer/encoding.hpp"

/// Cuts a text into the pieces that are encoded alone: what the pattern of an encoding matches one
/// after the other, without a regex engine. The text is valid UTF-8; every byte is in a piece.
namespace hawser::tokenizer {

struct Piece {
  const char* end;
  /// How far the pattern looked to know the end, but for the four bytes after this. A piece whose
  /// text goes on for these four is what it is however the text goes on.
  const char* reach;
};
inline constexpr std::ptrdiff_t reach_beyond = 4;

/// Skips characters of one of `classes`.
inline const char* skip(const char* at, const char* end, unsigned classes) {
  while (at < end) {
    const Character next = character_at(at);
    if ((next.classes & classes) == 0) break;
    at += next.size;
  }
  return at;
}

/// Bytes of (?i:'s|'t|'re|'ve|'m|'ll|'d) at `at`; 0: none is there.
/// U+017F, the long s, is an s to a pattern that ignores case.
inline int contraction_size(const char* at, const char* end) {
  if (end - at < 2 || *at != '\'') return 0;
  const auto is = [](char c, char wanted) { return (c | 0x20) == wanted; };
  const char first = at[1];
  if (is(first, 's') || is(first, 't') || is(first, 'm') || is(first, 'd')) return 2;
  if (end - at < 3) return 0;
  const char second = at[2];
  if (is(first, 'l')) return is(second, 'l') ? 3 : 0;
  if (is(first, 'r') || is(first, 'v')) return is(second, 'e') ? 3 : 0;
  return first == '\xc5' && second == '\xbf' ? 3 : 0;
}

/// \p{N}{1,3}
inline Piece number_piece(const char* at, const char* end) {
  const char* last = at;
  for (int i = 0; i < 3 && last < end; ++i) {
    const Character next = character_at(last);
    if ((next.classes & number) == 0) break;
    last += next.size;
  }
  return {last, last};
}

/// White space up to its last newline; else all but the last character, which may begin what
/// follows; else all. `whole_at_end`: at the end of the text newlines make no difference.
inline Piece space_piece(const char* at, const char* end, bool whole_at_end) {
  const char *run = at, *last = at, *after_newline = nullptr;
  while (run < end) {
    const Character next = character_at(run);
    if ((next.classes & space) == 0) break;
    last = run;
    run += next.size;
    if ((next.classes & newline) != 0) after_newline = run;
  }
  if (run == end && whole_at_end) return {run, run};
  if (after_newline != nullptr) return {after_newline, run};
  return {run == end || last == at ? run : last, run};
}

/// ` ?[^\s\p{L}\p{N}]+` with what `is_tail` takes of the bytes after it; `first` stands at `at`.
template <class IsTail>
inline Piece other_piece(const char* at, const char* end, IsTail is_tail) {
  const char* last = skip(at, end, other);
  while (last < end && is_tail(*last)) ++last;
  return {last, last};
}

/// [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+ from `at`.
struct CasedWord {
  const char* end;    // nullptr: no match
  const char* heads;  // where the characters of the first class end
};
inline CasedWord cased_word(const char* at, const char* end) {
  const char *run = at, *end_of_lower = nullptr;
  while (run < end) {
    const Character next = character_at(run);
    if ((next.classes & upper) == 0) {
      if ((next.classes & lower) == 0) break;
      return {skip(run + next.size, end, lower), run};
    }
    run += next.size;
    if ((next.classes & lower) != 0) end_of_lower = run;
  }
  return {end_of_lower, run};
}

inline Piece with_contraction(const char* word_end, const char* looked, const char* end) {
  word_end += contraction_size(word_end, end);
  return {word_end, looked > word_end ? looked : word_end};
}

/// o200k's pieces:
///   [^\r\n\p{L}\p{N}]?[upper]*[lower]+(contraction)?
///   [^\r\n\p{L}\p{N}]?[upper]+[lower]*(contraction)?
///   \p{N}{1,3}
///    ?[^\s\p{L}\p{N}]+[\r\n/]*
///   \s*[\r\n]+
///   \s+(?!\S)
///   \s+
struct O200kPieces {
  static Piece next(const char* at, const char* end) {
    const Character first = character_at(at);
    if ((first.classes & number) != 0) return number_piece(at, end);
    if ((first.classes & newline) == 0) {
      const char* letters = (first.classes & letter) != 0 ? at : at + first.size;
      const CasedWord word = cased_word(letters, end);
      if (word.end != nullptr) return with_contraction(word.end, word.heads, end);
      // A mark goes before a word, or else is one.
      if ((first.classes & lower) != 0) return with_contraction(at + first.size, word.heads, end);
      if (word.heads > letters) return with_contraction(word.heads, word.heads, end);
    }
    const auto is_tail = [](char c) { return c == '\n' || c == '\r' || c == '/'; };
    if ((first.classes & other) != 0) return other_piece(at, end, is_tail);
    if (*at == ' ' && end - at > 1 && (character_at(at + 1).classes & other) != 0) {
      return other_piece(at + 1, end, is_tail);
    }
    return space_piece(at, end, false);
  }
};

/// cl100k's pieces:
///   '(?i:[sdmt]|ll|ve|re)
///   [^\r\n\p{L}\p{N}]?\p{L}+
///   \p{N}{1,3}
///    ?[^\s\p{L}\p{N}]+[\r\n]*
///   \s+$
///   \s*[\r\n]
///   \s+(?!\S)
///   \s
struct Cl100kPieces {
  static Piece next(const char* at, const char* end) {
    const Character first = character_at(at);
    if ((first.classes & number) != 0) return number_piece(at, end);
    if (const int size = contraction_size(at, end); size != 0) return {at + size, at + size};
    if ((first.classes & newline) == 0) {
      const char* letters = (first.classes & letter) != 0 ? at : at + first.size;
      const char* word_end = skip(letters, end, letter);
      if (word_end > letters) return {word_end, word_end};
    }
    const auto is_tail = [](char c) { return c == '\n' || c == '\r'; };
    if ((first.classes & other) != 0) return other_piece(at, end, is_tail);
    if (*at == ' ' && end - at > 1 && (character_at(at + 1).classes & other) != 0) {
      return other_piece(at + 1, end, is_tail);
    }
    return space_piece(at, end, true);
  }
};

}  // namespace hawser::tokenizer
