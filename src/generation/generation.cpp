#include "generation/generation.hpp"

namespace hawser::generation {
namespace {

class Whole final : public Content {
 public:
  Whole(std::string content, const Told& told, net::ByteLease lease)
      : content_(std::move(content)), lease_(std::move(lease)), told_(told) {}
  Task<Result<net::Piece>> next() override {
    const std::string_view piece = std::string_view(content_).substr(given_, piece_max);
    given_ += piece.size();
    return Result<net::Piece>(net::Piece{.bytes = piece, .last = given_ == content_.size()});
  }
  void lead_to(const net::Companion*) override {}
  dialect::Usage usage() const override { return told_.usage; }
  bool finished() const override { return given_; }
  bool spliced() const override { return told_.spliced; }
  void cancel() override {}

 private:
  static constexpr std::size_t piece_max = 64 * 1024;

  std::string content_;
  net::ByteLease lease_;
  Told told_;
  std::size_t given_ = 0;
};

}  // namespace

GenerationPtr make_whole(AnswerHead head, std::string content, const Told& told,
                         net::ByteLease lease) {
  head.length = content.size();
  return std::make_unique<Generation>(
      std::move(head), std::make_unique<Whole>(std::move(content), told, std::move(lease)));
}

}  // namespace hawser::generation
