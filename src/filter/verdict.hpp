#pragma once

#include <cstdint>
#include <string_view>

#include "filter/character.hpp"

/// What a detector sees and what it says.
namespace hawser::filter {

inline constexpr int text_end = -1;  // the text ends here
inline constexpr int unknown = -2;   // the text may go on: it has not come yet

/// A place in text of which the rest may still have to come.
struct Place {
  std::string_view text;  // with some of what stands before the place
  std::size_t at = 0;
  bool ended = false;  // nothing comes behind `text`

  /// The byte `offset` behind the place, or text_end, or unknown.
  int operator[](std::size_t offset) const {
    if (at + offset < text.size()) return static_cast<unsigned char>(text[at + offset]);
    return ended ? text_end : unknown;
  }
  /// The byte `back` before the place; 0 where the text begins.
  char before(std::size_t back = 1) const { return back <= at ? text[at - back] : '\0'; }
  /// Whether the byte before the place is of `set`. The letter of an escape ("\\n" in the JSON of
  /// a tool's arguments) stands for a blank.
  bool after(ByteSet set) const {
    const char c = before();
    return in(set, c) && !(before(2) == '\\' && (c == 'n' || c == 'r' || c == 't'));
  }
  /// Whether the byte at the place is the letter of an escape.
  bool is_escape() const {
    const int c = (*this)[0];
    return before() == '\\' && (c == 'n' || c == 'r' || c == 't');
  }
  std::string_view rest() const { return text.substr(at); }
  /// Bytes of `set` from `offset` on, at most `most`.
  std::size_t run(std::size_t offset, ByteSet set, std::size_t most) const {
    std::size_t size = 0;
    while (size < most && in(set, (*this)[offset + size])) ++size;
    return size;
  }
};

/// What goes on behind a match that is as long as may be held back: it is dropped as it comes.
enum class Tail : std::uint8_t { none, bytes, pem };

/// What a detector says about a place. The law that makes cuts harmless: `no` and `match` stay
/// true whatever text follows, and the size of the match too; else it must say `more`.
struct Verdict {
  enum class State : std::uint8_t { no, more, match };
  State state = State::no;
  bool secret = false;         // with `more`: it is the beginning of a credential, not to be shown
  std::uint16_t keep = 0;      // bytes of the match at its front that stay
  std::uint16_t size = 0;      // bytes behind them that are found
  Tail tail = Tail::none;      // behind these
  ByteSet tail_bytes = 0;      // of Tail::bytes
  std::string_view what = {};  // kind of credential, such as "openai_key"; a literal

  explicit operator bool() const { return state != State::no; }
};

inline Verdict no_match() {
  return {};
}
inline Verdict need_more(bool secret = false) {
  return {.state = Verdict::State::more, .secret = secret};
}
inline Verdict match_of(std::size_t size, std::string_view what = {}) {
  return {.state = Verdict::State::match, .size = static_cast<std::uint16_t>(size), .what = what};
}

}  // namespace hawser::filter
