#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenizer/encoding.hpp"

/// The tables of an encoding, as tools/token_tables.py laid them out: part of the program, read
/// where they stand and shared by all threads and processes. Built when one is used first is only
/// what pairs of bytes merge into.
namespace hawser::tokenizer {

/// The rank of a token: what is sent to a model, and the order of merging.
using Rank = std::uint32_t;

class Vocabulary {
 public:
  static constexpr int rank_bits = 18;

  static const Vocabulary& of(Encoding encoding);

  struct Match {
    Rank token;
    std::uint32_t size;  // bytes
  };
  /// The longest token at the front of `text`, which is not empty. Every byte is a token.
  Match longest(std::string_view text) const {
    std::uint32_t base = root_, best = 0, size = 0;
    for (std::uint32_t i = 0; i < text.size(); ++i) {
      const auto label = static_cast<unsigned char>(text[i]);
      const std::uint32_t at = base + label, cell = cells_[at];
      if ((cell & 0x1ff) != (0x100u | label)) break;
      if ((cell & 0x200) != 0) best = at, size = i + 1;
      base = cell >> 10;
    }
    return {ends_[best], size};
  }

  std::uint32_t size_of(Rank token) const {
    return static_cast<std::uint32_t>(tokens_[token] >> (3 * rank_bits) & 0xff);
  }
  /// The longest token that `token` begins with, but for itself; false: it is one byte.
  bool shorten(Rank& token) const {
    const Rank shorter = part(tokens_[token], 2);
    if (shorter != 0) token = shorter - 1;
    return shorter != 0;
  }

  /// The two tokens that merge into it; of one byte: itself twice.
  struct Parts {
    Rank left, right;
  };
  Parts parts_of(Rank token) const { return {part(tokens_[token], 0), part(tokens_[token], 1)}; }
  Rank size() const { return tokens_count_; }

  Rank token_of(unsigned char byte) const { return ends_[root_ + byte]; }
  /// What two tokens merge into; none: they do not.
  static constexpr Rank none = ~Rank{0};
  Rank merged(Rank left, Rank right) const {
    const std::uint64_t pair = left | std::uint64_t{right} << rank_bits;
    const std::uint64_t mixed = pair * 0x9e3779b97f4a7c15;
    const std::uint64_t bit = mixed >> (64 - filter_bits);
    if ((filter_[bit >> 6] >> (bit & 63) & 1) == 0) return none;
    for (std::uint64_t at = mixed >> merge_shift_;; ++at) {
      const std::uint64_t word = merges_[at & merge_mask_];
      if (word == ~std::uint64_t{0}) return none;
      if ((word & pair_mask) == pair) return part(word, 2);
    }
  }
  Rank merged_bytes(unsigned char left, unsigned char right) const {
    return byte_pairs_[std::size_t{left} << 8 | right];
  }

  /// Whether `left` and `right` stay two tokens when their bytes are merged by rank.
  bool stay_apart(Rank left, Rank right) const {
    // Both are taken apart again, the merge that came last first. Before it, no merge of lower rank
    // across the border may have been possible: it would have come first.
    Rank limit = ~Rank{0};
    for (;;) {
      if (merged(left, right) < limit) return false;
      // Without branches: which of them is later is anyone's guess.
      const bool is_left = left > right;
      const Rank later = is_left ? left : right;
      if (later < bytes_count) return true;
      const Rank inner = part(tokens_[later], is_left ? 1 : 0);
      limit = later + (is_left ? 0 : 1);  // among equal ranks the leftmost merge comes first
      left = is_left ? inner : left;
      right = is_left ? right : inner;
    }
  }

 private:
  static constexpr int filter_bits = 21;
  static constexpr Rank bytes_count = 256;  // the first ranks are the tokens of one byte
  static constexpr std::uint64_t pair_mask = (std::uint64_t{1} << 2 * rank_bits) - 1;

  explicit Vocabulary(const unsigned char* tables);

  static Rank part(std::uint64_t word, int number) {
    return static_cast<Rank>(word >> number * rank_bits & ((1u << rank_bits) - 1));
  }

  const std::uint32_t* cells_;   // a double array: the prefixes of all tokens
  const std::uint32_t* ends_;    // the tokens that they are
  const std::uint64_t* tokens_;  // by rank
  const std::uint64_t* merges_;  // a hash table of pairs
  const std::uint64_t* filter_;  // most pairs are not in it
  std::uint64_t merge_mask_;
  std::uint32_t root_;
  Rank tokens_count_;
  std::vector<Rank> byte_pairs_;
  int merge_shift_;
};

}  // namespace hawser::tokenizer
