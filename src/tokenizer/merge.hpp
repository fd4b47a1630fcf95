#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenizer/vocabulary.hpp"

namespace hawser::tokenizer {

/// The tokens of one piece, equal to those of merging by rank, in time linear in its length.
///
/// A sequence of tokens is what merging yields if and only if each two neighbours stay apart when
/// merged alone. So a long piece is merged block by block: each begins a few tokens before the end
/// of the one before, and the border is right where its two tokens stay apart. Where they do not,
/// as in long runs, tokens are taken from the left, the longest that fits its neighbour first;
/// where none fits, the one before was too long. A place where none fits is never tried again.
class Merger {
 public:
  explicit Merger(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  /// How many tokens; `piece` is not empty.
  std::size_t count(std::string_view piece);
  /// Appends them to `out`.
  void encode(std::string_view piece, std::vector<Rank>& out);

 private:
  // These fill `tokens_` and return their number.
  std::size_t merge(std::string_view piece);
  /// The longest token each time. @return 0: one does not stay apart from the one before
  std::size_t merge_straight(std::string_view piece);
  /// @return 0: a border did not come right
  std::size_t merge_by_blocks(std::string_view piece);
  std::size_t merge_from_the_left(std::string_view piece);
  /// Room for the tokens of a piece; that of an endless one is not kept.
  void make_room(std::size_t piece_size);
  bool stay_apart(Rank left, Rank right);

  const Vocabulary& vocabulary_;
  std::vector<Rank> tokens_{};
  std::vector<std::uint64_t> dead_ends_{};  // a bit for each place in the piece
  // The pairs that were asked for last, 256 KiB: 0 whether they stay apart, 1-36 the pair plus 1.
  static constexpr int asked_bits = 15;
  std::array<std::uint64_t, std::size_t{1} << asked_bits> asked_{};
};

}  // namespace hawser::tokenizer
