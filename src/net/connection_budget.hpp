#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include "net/byte_budget.hpp"

namespace hawser::net {

/// What the requests of one connection may hold together, on a transport that carries many of them:
/// messages that are not whole yet, bodies, what later requests build on. Taken before memory is,
/// of its own bound and of those of its key and of the process, and given back by the one who took
/// it. Of one thread.
class ConnectionBudget {
  struct State {
    std::size_t most;
    std::size_t held;
    ByteLease within;
  };

 public:
  /// @param most    bytes of this connection
  /// @param within  takes the same of its key and of the process
  ConnectionBudget(std::size_t most, ByteLease within)
      : state_(std::make_shared<State>(State{most, 0, std::move(within)})) {}

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
      if (!state_->within.try_grow(bytes)) return false;
      state_->held += bytes;
      size_ += bytes;
      return true;
    }
    /// Up to `bytes` in all; what it has beyond stays.
    [[nodiscard]] bool grow_to(std::size_t bytes) { return bytes <= size_ || grow(bytes - size_); }
    void release() {
      if (!state_) return;
      state_->held -= size_;
      state_->within.shrink(std::exchange(size_, 0));
    }
    std::size_t size() const { return size_; }

   private:
    friend class ConnectionBudget;
    explicit Share(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_{};
    std::size_t size_ = 0;
  };

  /// From now on it takes of others: what it holds is taken there too, beyond their bounds.
  void take_within(ByteLease within) {
    within.force(state_->held);
    state_->within = std::move(within);
  }
  Share share() { return Share(state_); }
  std::size_t held() const { return state_->held; }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace hawser::net
