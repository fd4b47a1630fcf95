#include "tokenizer/merge.hpp"

#include <algorithm>

namespace hawser::tokenizer {
namespace {

constexpr std::size_t kept_room = 16 << 10;  // tokens

}  // namespace

std::size_t Merger::count(std::string_view piece) {
  const auto first = vocabulary_.longest(piece);
  return first.size == piece.size() ? 1 : run(piece, first);
}

void Merger::encode(std::string_view piece, std::vector<Rank>& out) {
  const auto first = vocabulary_.longest(piece);
  if (first.size == piece.size()) {
    out.push_back(first.token);
    return;
  }
  const auto count = static_cast<std::ptrdiff_t>(run(piece, first));
  out.insert(out.end(), tokens_.begin(), tokens_.begin() + count);
}

void Merger::make_room(std::size_t piece_size) {
  if (tokens_.size() > kept_room && piece_size <= kept_room) {
    std::vector<Rank>().swap(tokens_);
    std::vector<std::uint64_t>().swap(dead_ends_);
  }
  const std::size_t words = piece_size / 64 + 1;
  if (tokens_.size() < piece_size) {
    tokens_.resize(piece_size);
    dead_ends_.resize(words);
  }
  std::fill_n(dead_ends_.begin(), words, 0);
}

bool Merger::stay_apart(Rank left, Rank right) {
  const std::uint64_t pair = (left | std::uint64_t{right} << Vocabulary::rank_bits) + 1;
  std::uint64_t& entry = asked_[pair * 0x9e3779b97f4a7c15 >> (64 - asked_bits)];
  if (entry >> 1 == pair) return (entry & 1) != 0;
  const bool apart = vocabulary_.stay_apart(left, right);
  entry = pair << 1 | static_cast<std::uint64_t>(apart);
  return apart;
}

std::size_t Merger::run(std::string_view piece, Vocabulary::Match first) {
  make_room(piece.size());
  std::size_t count = 0, at = 0;
  Rank token = first.token;
  for (;;) {
    const std::size_t next = at + vocabulary_.size_of(token);
    const bool is_dead_end = (dead_ends_[next / 64] >> next % 64 & 1) != 0;
    if (!is_dead_end && (count == 0 || stay_apart(tokens_[count - 1], token))) {
      tokens_[count++] = token;
      if (next == piece.size()) return count;
      at = next;
      token = vocabulary_.longest(piece.substr(at)).token;
    } else if (!vocabulary_.shorten(token)) {
      dead_ends_[at / 64] |= std::uint64_t{1} << at % 64;
      token = tokens_[--count];
      at -= vocabulary_.size_of(token);
    }
  }
}

}  // namespace hawser::tokenizer
