#include "tokenizer/merge.hpp"

namespace hawser::tokenizer {

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

std::size_t Merger::run(std::string_view piece, Vocabulary::Match first) {
  if (tokens_.size() < piece.size()) tokens_.resize(piece.size());
  dead_ends_.assign(piece.size() + 1, false);
  std::size_t count = 0, at = 0;
  Rank token = first.token;
  for (;;) {
    const std::size_t next = at + vocabulary_.size_of(token);
    if (!dead_ends_[next] && (count == 0 || vocabulary_.stay_apart(tokens_[count - 1], token))) {
      tokens_[count++] = token;
      if (next == piece.size()) return count;
      at = next;
      token = vocabulary_.longest(piece.substr(at)).token;
    } else if (!vocabulary_.shorten(token)) {
      dead_ends_[at] = true;
      token = tokens_[--count];
      at -= vocabulary_.size_of(token);
    }
  }
}

}  // namespace hawser::tokenizer
