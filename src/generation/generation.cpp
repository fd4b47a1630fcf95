#include "generation/generation.hpp"

namespace hawser::generation {
namespace {

class Whole final : public net::Source {
 public:
  explicit Whole(std::string content) : content_(std::move(content)) {}
  Task<Result<net::Piece>> next() override {
    co_return net::Piece{.bytes = std::exchange(given_, true) ? std::string_view() : content_,
                         .last = true};
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
