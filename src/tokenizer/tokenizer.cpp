#include "tokenizer/tokenizer.hpp"

#include <memory>

#include "tokenizer/merge.hpp"
#include "tokenizer/pieces.hpp"
#include "tokenizer/utf8_repair.hpp"
#include "tokenizer/word_cache.hpp"

namespace hawser::tokenizer {
namespace {

/// What a thread keeps of an encoding from one text to the next.
WordCache& cache_of(Encoding encoding) {
  thread_local std::unique_ptr<WordCache> caches[encodings_count];
  auto& cache = caches[static_cast<std::size_t>(encoding)];
  if (!cache) cache = std::make_unique<WordCache>();
  return *cache;
}

/// Counts piece by piece.
class PieceCounter {
 public:
  PieceCounter(const Vocabulary& vocabulary, WordCache& cache, const char* text_end)
      : merger_(vocabulary), cache_(cache), text_end_(text_end) {}

  std::size_t operator()(const char* begin, const char* end) {
    const auto size = static_cast<std::size_t>(end - begin);
    if (size == 1) return 1;
    if (size > WordCache::size_max) return merger_.count({begin, size});
    const auto key = WordCache::key_of(begin, size, text_end_ - begin >= 16);
    std::size_t count = cache_.find(key);
    if (count == 0) {
      count = merger_.count({begin, size});
      cache_.put(key, count);
    }
    return count;
  }

 private:
  Merger merger_;
  WordCache& cache_;
  const char* text_end_;
};

template <class Pieces>
std::size_t count_pieces(std::string_view text, PieceCounter counter) {
  const char *at = text.data(), *end = at + text.size();
  std::size_t tokens = 0;
  while (at < end) {
    const char* piece_end = Pieces::next(at, end).end;
    tokens += counter(at, piece_end);
    at = piece_end;
  }
  return tokens;
}

template <class Pieces>
Tokenizer::Settled count_settled_pieces(std::string_view text, PieceCounter counter) {
  const char *at = text.data(), *end = at + text.size();
  std::size_t tokens = 0;
  while (at < end) {
    const Piece piece = Pieces::next(at, end);
    if (end - piece.reach < reach_beyond) break;
    tokens += counter(at, piece.end);
    at = piece.end;
  }
  return {static_cast<std::size_t>(at - text.data()), tokens};
}

template <class Pieces>
void encode_pieces(std::string_view text, Merger merger, std::vector<Rank>& out) {
  const char *at = text.data(), *end = at + text.size();
  while (at < end) {
    const char* piece_end = Pieces::next(at, end).end;
    merger.encode({at, static_cast<std::size_t>(piece_end - at)}, out);
    at = piece_end;
  }
}

}  // namespace

std::size_t Tokenizer::count(std::string_view text) const {
  if (!is_utf8(text)) return count(repaired(text));
  PieceCounter counter(vocabulary_, cache_of(encoding_), text.data() + text.size());
  return encoding_ == Encoding::o200k ? count_pieces<O200kPieces>(text, std::move(counter))
                                      : count_pieces<Cl100kPieces>(text, std::move(counter));
}

Tokenizer::Settled Tokenizer::count_settled(std::string_view text) const {
  PieceCounter counter(vocabulary_, cache_of(encoding_), text.data() + text.size());
  return encoding_ == Encoding::o200k
             ? count_settled_pieces<O200kPieces>(text, std::move(counter))
             : count_settled_pieces<Cl100kPieces>(text, std::move(counter));
}

void Tokenizer::encode(std::string_view text, std::vector<Rank>& out) const {
  if (!is_utf8(text)) return encode(repaired(text), out);
  Merger merger(vocabulary_);
  return encoding_ == Encoding::o200k ? encode_pieces<O200kPieces>(text, std::move(merger), out)
                                      : encode_pieces<Cl100kPieces>(text, std::move(merger), out);
}

}  // namespace hawser::tokenizer
