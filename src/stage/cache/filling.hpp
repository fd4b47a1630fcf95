#pragma once

#include <functional>

#include "generation/generation.hpp"

namespace hawser::stage::cache {

/// Content that passes by and is kept on the way; told once it is whole.
class Filling final : public generation::Content {
 public:
  using Whole = std::function<void(std::string content, const dialect::Usage& usage)>;
  Filling(std::unique_ptr<generation::Content> content, std::size_t size_max, Whole whole)
      : content_(std::move(content)), size_max_(size_max), whole_(std::move(whole)) {}

  Task<Result<net::Piece>> next() override {
    if (!whole_) return content_->next();
    return next_kept();
  }
  void lead_to(const net::Companion* next) override { content_->lead_to(next); }
  dialect::Usage usage() const override { return content_->usage(); }
  bool spliced() const override { return content_->spliced(); }
  void cancel() override { content_->cancel(); }

 private:
  Task<Result<net::Piece>> next_kept() {
    auto piece = co_await content_->next();
    if (!piece || kept_.size() + piece->bytes.size() > size_max_) {
      give_up();
      co_return piece;
    }
    kept_.append(piece->bytes);
    if (piece->last) {
      if (!content_->spliced()) whole_(std::move(kept_), content_->usage());
      give_up();
    }
    co_return piece;
  }
  void give_up() {
    whole_ = nullptr;
    std::string().swap(kept_);
  }

  std::unique_ptr<generation::Content> content_;
  std::size_t size_max_;
  Whole whole_;
  std::string kept_;
};

}  // namespace hawser::stage::cache
