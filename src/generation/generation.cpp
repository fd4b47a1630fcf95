#include "generation/generation.hpp"

namespace hawser::generation {
namespace {

class Whole final : public Content {
 public:
  Whole(std::string content, const Told& told) : content_(std::move(content)), told_(told) {}
  Task<Result<net::Piece>> next() override {
    const bool again = std::exchange(given_, true);
    return Result<net::Piece>(
        net::Piece{.bytes = again ? std::string_view() : content_, .last = true});
  }
  void lead_to(const net::Companion*) override {}
  dialect::Usage usage() const override { return told_.usage; }
  bool finished() const override { return given_; }
  bool spliced() const override { return told_.spliced; }
  void cancel() override {}

 private:
  std::string content_;
  Told told_;
  bool given_ = false;
};

}  // namespace

GenerationPtr make_whole(AnswerHead head, std::string content, const Told& told) {
  head.length = content.size();
  return std::make_unique<Generation>(std::move(head),
                                      std::make_unique<Whole>(std::move(content), told));
}

}  // namespace hawser::generation
