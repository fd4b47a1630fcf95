#include "tokenizer/tokenizer.hpp"

#include <memory>

#include "tokenizer/merge.hpp"
#include "tokenizer/pieces.hpp"
#include "tokenizer/utf8_repair.hpp"
#include "tokenizer/word_cache.hpp"

namespace hawser::tokenizer {
namespace {

/// What a thread keeps of an encoding from one text to the next.
struct Workspace {
  explicit Workspace(const Vocabulary& vocabulary) : merger(vocabulary) {}

  Merger merger;
  WordCache words{};
};

Workspace& workspace_of(Encoding encoding) {
  thread_local std::unique_ptr<Workspace> workspaces[encodings_count];
  auto& workspace = workspaces[static_cast<std::size_t>(encoding)];
  if (!workspace) workspace = std::make_unique<Workspace>(Vocabulary::of(encoding));
  return *workspace;
}

/// Counts piece by piece.
class PieceCounter {
 public:
  PieceCounter(Encoding encoding, std::string_view text)
      : workspace_(workspace_of(encoding)), text_end_(text.data() + text.size()) {}

  std::size_t operator()(const char* begin, const char* end) const {
    const auto size = static_cast<std::size_t>(end - begin);
    if (size == 1) return 1;
    if (size > WordCache::size_max) return workspace_.merger.count({begin, size});
    const auto key = WordCache::key_of(begin, size, text_end_ - begin >= 16);
    std::size_t count = workspace_.words.find(key);
    if (count == 0) {
      count = workspace_.merger.count({begin, size});
      workspace_.words.put(key, count);
    }
    return count;
  }

 private:
  Workspace& workspace_;
  const char* text_end_;
};

template <class Pieces>
std::size_t count_pieces(std::string_view text, const PieceCounter& counter) {
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
Tokenizer::Settled count_settled_pieces(std::string_view text, const PieceCounter& counter) {
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
void encode_pieces(std::string_view text, Merger& merger, std::vector<Rank>& out) {
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
  const PieceCounter counter(encoding_, text);
  return encoding_ == Encoding::o200k ? count_pieces<O200kPieces>(text, counter)
                                      : count_pieces<Cl100kPieces>(text, counter);
}

Tokenizer::Settled Tokenizer::count_settled(std::string_view text) const {
  const PieceCounter counter(encoding_, text);
  return encoding_ == Encoding::o200k ? count_settled_pieces<O200kPieces>(text, counter)
                                      : count_settled_pieces<Cl100kPieces>(text, counter);
}

void Tokenizer::encode(std::string_view text, std::vector<Rank>& out) const {
  if (!is_utf8(text)) return encode(repaired(text), out);
  Merger& merger = workspace_of(encoding_).merger;
  return encoding_ == Encoding::o200k ? encode_pieces<O200kPieces>(text, merger, out)
                                      : encode_pieces<Cl100kPieces>(text, merger, out);
}

}  // namespace hawser::tokenizer
