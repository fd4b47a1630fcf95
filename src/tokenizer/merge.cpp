#include "tokenizer/merge.hpp"

#include <algorithm>

#include "tokenizer/block_merge.hpp"

namespace hawser::tokenizer {
namespace {

constexpr std::size_t kept_room = 16 << 10;  // tokens
constexpr std::size_t block = 64;            // bytes
constexpr std::size_t unsure = 2;            // tokens at its end that what follows may change
constexpr int tries_max = 4;                 // at one border

}  // namespace

std::size_t Merger::count(std::string_view piece) {
  return merge(piece);
}

void Merger::encode(std::string_view piece, std::vector<Rank>& out) {
  const auto count = static_cast<std::ptrdiff_t>(merge(piece));
  out.insert(out.end(), tokens_.begin(), tokens_.begin() + count);
}

std::size_t Merger::merge(std::string_view piece) {
  if (tokens_.size() < merge_block_max) tokens_.resize(merge_block_max);
  if (piece.size() <= merge_block_max) {
    // Characters of many bytes are mostly tokens by themselves or with their neighbours.
    const bool wide = (piece.back() & 0x80) != 0;
    const std::size_t count = wide ? merge_straight(piece) : 0;
    return count != 0 ? count : merge_block(vocabulary_, piece, tokens_.data());
  }
  make_room(piece.size());
  const std::size_t count = merge_by_blocks(piece);
  return count != 0 ? count : merge_from_the_left(piece);
}

std::size_t Merger::merge_straight(std::string_view piece) {
  std::size_t count = 0;
  while (!piece.empty()) {
    const auto [token, size] = vocabulary_.longest(piece);
    if (count > 0 && !stay_apart(tokens_[count - 1], token)) return 0;
    tokens_[count++] = token;
    piece.remove_prefix(size);
  }
  return count;
}

std::size_t Merger::merge_by_blocks(std::string_view piece) {
  std::size_t count = 0, at = 0;  // tokens that are settled, and their bytes
  std::size_t farthest = 0;
  int tries = 0;
  for (;;) {
    const std::size_t size = std::min(tries == 0 ? block : merge_block_max, piece.size() - at);
    const std::size_t more = merge_block(vocabulary_, piece.substr(at, size), &tokens_[count]);
    if (count > 0 && !stay_apart(tokens_[count - 1], tokens_[count])) {
      if (++tries == tries_max) return 0;
      at -= vocabulary_.size_of(tokens_[--count]);
      continue;
    }
    if (at + size == piece.size()) return count + more;
    for (std::size_t i = unsure; i < more; ++i) at += vocabulary_.size_of(tokens_[count++]);
    if (at <= farthest) return 0;  // tokens as long as blocks
    farthest = at;
    tries = 0;
  }
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

std::size_t Merger::merge_from_the_left(std::string_view piece) {
  std::size_t count = 0, at = 0;
  Rank token = vocabulary_.longest(piece).token;
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
