#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "filter/marks.hpp"
#include "filter/verdict.hpp"

namespace hawser::filter {

/// Words to look for, all in one pass.
struct Keywords {
  std::vector<std::string> words;  // 1 to 128 bytes each
  bool any_case = false;           // of ASCII letters
  bool whole_words = false;        // no ASCII letter, digit or '_' beside them
};
inline constexpr std::size_t keyword_size_max = 128;

/// Many words as one automaton: Aho and Corasick, CACM 18 (6), 1975. Time is linear in the text.
class KeywordSet {
 public:
  static Result<KeywordSet> compile(const Keywords& keywords);

  /// Marks where words begin in `text` from `from` on, and what may be words' beginnings at its
  /// end.
  void mark(std::string_view text, std::size_t from, Marks& marks) const;
  /// The longest word at `place`.
  Verdict match(const Place& place) const;
  /// Whether a word begins with `byte`.
  bool may_begin(unsigned char byte) const { return first_[fold_[byte]] != 0; }

 private:
  using Node = std::uint32_t;
  struct Edge {
    unsigned char byte;
    Node to;
  };
  struct State {
    std::uint32_t edges = 0;  // where they begin in edges_, in the order of their bytes
    std::uint16_t edges_count = 0;
    std::uint8_t depth = 0;
    bool word = false;
    Node fail = 0;
    Node shorter = 0;  // the longest word that ends here and is shorter; 0: none
  };

  Node child(Node node, unsigned char byte) const;
  Node step(Node node, unsigned char byte) const;
  void link_failures();

  std::vector<State> states_;
  std::vector<Edge> edges_;
  std::array<Node, 256> first_{};  // children of the root, which nearly every byte asks for
  std::array<unsigned char, 256> fold_{};
  bool whole_words_ = false;
};

}  // namespace hawser::filter
