#pragma once

#include <algorithm>
#include <functional>

#include "generation/generation.hpp"
#include "net/byte_budget.hpp"

namespace hawser::stage::cache {

/// Content that passes by and is kept on the way; told once it is whole.
class Filling final : public generation::ContentDecorator {
 public:
  using Whole = std::function<void(std::string content, const dialect::Usage& usage)>;
  /// @param lease  of what is kept until it is whole; where there is no more, nothing is kept
  Filling(std::unique_ptr<generation::Content> content, std::size_t size_max, net::ByteLease lease,
          Whole whole)
      : content_(std::move(content)),
        size_max_(size_max),
        lease_(std::move(lease)),
        whole_(std::move(whole)) {}

  Task<Result<net::Piece>> next() override {
    if (!whole_) return content_->next();
    return next_kept();
  }

 private:
  generation::Content& content() override { return *content_; }
  const generation::Content& content() const override { return *content_; }
  bool holds_back() const override { return false; }
  Task<Result<net::Piece>> next_kept() {
    auto piece = co_await content_->next();
    if (!piece || kept_.size() + piece->bytes.size() > size_max_ ||
        !make_room(piece->bytes.size())) {
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
  bool make_room(std::size_t more) {
    constexpr std::uint64_t step = 16 * 1024;
    const std::uint64_t needed = kept_.size() + more;
    return needed <= lease_.bytes() || lease_.try_grow(std::max(step, needed - lease_.bytes()));
  }
  void give_up() {
    whole_ = nullptr;
    std::string().swap(kept_);
    lease_.release();
  }

  std::unique_ptr<generation::Content> content_;
  std::size_t size_max_;
  net::ByteLease lease_;
  Whole whole_;
  std::string kept_;
};

}  // namespace hawser::stage::cache
