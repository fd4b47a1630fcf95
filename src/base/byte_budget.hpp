#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

namespace hawser {

/// Bytes that may be held at once by those who share a bound: taken before memory is, and given
/// back by the one who took them. Of one thread.
class ByteBudget {
  struct State {
    std::size_t most;
    std::size_t held;
  };

 public:
  explicit ByteBudget(std::size_t most) : state_(std::make_shared<State>(State{most, 0})) {}

  /// What one holder has taken; its end gives all of it back. Outlives the budget if it must.
  class Share {
   public:
    Share() = default;
    Share(Share&& other) noexcept
        : state_(std::move(other.state_)), size_(std::exchange(other.size_, 0)) {}
    Share& operator=(Share&& other) noexcept {
      if (this != &other) {
        release();
        state_ = std::move(other.state_);
        size_ = std::exchange(other.size_, 0);
      }
      return *this;
    }
    ~Share() { release(); }

    /// Takes so many more. False: the bound does not allow it, and nothing was taken. A share of
    /// no budget is not bounded here.
    [[nodiscard]] bool grow(std::size_t bytes) {
      if (!state_) return true;
      if (bytes > state_->most - std::min(state_->most, state_->held)) return false;
      state_->held += bytes;
      size_ += bytes;
      return true;
    }
    void release() {
      if (state_) state_->held -= std::exchange(size_, 0);
    }
    std::size_t size() const { return size_; }

   private:
    friend class ByteBudget;
    explicit Share(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_{};
    std::size_t size_ = 0;
  };

  Share share() { return Share(state_); }
  std::size_t held() const { return state_->held; }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace hawser
