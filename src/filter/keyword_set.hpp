#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "filter/marks.hpp"
#include "filter/verdict.hpp"

namespace hawser::filter {

/// Words to look for, all in one pass.
struct Keywords {
  std::vector<std::string> words;  // 1 to 128 bytes each
  bool any_case = false;           // of letters of any script
  bool whole_words = false;        // no ASCII letter, digit or '_' beside them
};
inline constexpr std::size_t keyword_size_max = 128;

/// Many words: a table of their first four bytes passes over nearly all places at one look each,
/// a trie decides about the others.
class KeywordSet {
 public:
  static Result<KeywordSet> compile(const Keywords& keywords);

  /// Marks where words begin in `text` from `from` on, and what may be words' beginnings at its
  /// end.
  void mark(std::string_view text, std::size_t from, Marks& marks) const;
  /// The longest word at `place`.
  Verdict match(const Place& place) const;
  /// Whether a word begins with `byte`.
  bool may_begin(unsigned char byte) const { return begins_[byte]; }

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
  };
  /// How words of one size begin; those of four bytes and more are of one.
  class Beginnings {
   public:
    Beginnings(std::size_t size, std::size_t words);
    static constexpr std::size_t size_max = 4;

    void add(std::uint32_t bytes) {
      bits_[place(bytes) >> 6] |= std::uint64_t{1} << (place(bytes) & 63);
    }
    bool may_be(std::uint32_t bytes) const {
      return (bits_[place(bytes) >> 6] >> (place(bytes) & 63) & 1) != 0;
    }

   private:
    std::uint32_t place(std::uint32_t bytes) const {
      return (bytes & mask_) * 0x9e3779b1U >> shift_;
    }
    std::uint32_t mask_;
    int shift_;
    std::vector<std::uint64_t> bits_;
  };

  Node child(Node node, unsigned char byte) const;
  std::optional<Node> step_in_any_case(const Place& place, Node node, std::size_t& size) const;
  void note_beginnings(const std::vector<std::string>& words);

  std::vector<State> states_;
  std::vector<Edge> edges_;
  std::array<Node, 256> first_{};  // children of the root, which nearly every byte asks for
  std::array<unsigned char, 256> fold_{};
  std::array<bool, 256> begins_{};
  std::vector<Beginnings> beginnings_;
  std::uint32_t any_case_ = 0;  // bits that are set in four bytes before they are compared
  bool whole_words_ = false;
};

}  // namespace hawser::filter
