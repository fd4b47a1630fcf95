#include "generation/generation.hpp"

namespace hawser::generation {
namespace {

class Whole final : public Content {
 public:
  explicit Whole(std::string content) : content_(std::move(content)) {}
  Task<Result<net::Piece>> next() override {
    const bool again = std::exchange(given_, true);
    return Result<net::Piece>(
        net::Piece{.bytes = again ? std::string_view() : content_, .last = true});
  }

 private:
  std::string content_;
  bool given_ = false;
};

}  // namespace

GenerationPtr make_whole(AnswerHead head, std::string content) {
  head.length = content.size();
  return std::make_unique<Generation>(std::move(head), std::make_unique<Whole>(std::move(content)));
}

}  // namespace hawser::generation
