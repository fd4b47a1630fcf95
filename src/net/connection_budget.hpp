#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
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
  };

 public:
  /// Makes leases of nothing yet, of those who pay for a share: its key, and the process.
  using Leases = std::function<ByteLease()>;

  /// @param most    bytes of this connection
  /// @param leases  of its shares, unless they have others; null: its own bound alone
  ConnectionBudget(std::size_t most, Leases leases)
      : state_(std::make_shared<State>(State{most, 0})), leases_(std::move(leases)) {}

  /// What one holder has taken; its end gives all of it back. Outlives the budget if it must.
  class Share {
   public:
    Share() = default;
    Share(Share&& other) noexcept
        : state_(std::move(other.state_)),
          lease_(std::move(other.lease_)),
          size_(std::exchange(other.size_, 0)) {}
    Share& operator=(Share&& other) noexcept {
      if (this != &other) {
        release();
        state_ = std::move(other.state_);
        lease_ = std::move(other.lease_);
        size_ = std::exchange(other.size_, 0);
      }
      return *this;
    }
    ~Share() { release(); }

    /// Takes so many more. False: the bound does not allow it, and nothing was taken. A share of
    /// no budget is not bounded here.
    [[nodiscard]] bool grow(std::size_t bytes) {
      if (!room_for(bytes) || !lease_.try_grow(bytes)) return false;
      return announce(bytes);
    }
    /// The same of the connection alone: who only says that so many bytes will come takes nothing
    /// that others need.
    [[nodiscard]] bool announce(std::size_t bytes) {
      if (!state_) return true;
      if (!room_for(bytes)) return false;
      state_->held += bytes;
      size_ += bytes;
      return true;
    }
    /// Of what was announced, so many bytes in all are there.
    [[nodiscard]] bool came(std::size_t bytes) {
      return bytes <= lease_.bytes() || lease_.try_grow(bytes - lease_.bytes());
    }
    /// Up to `bytes` in all; what it has beyond stays.
    [[nodiscard]] bool grow_to(std::size_t bytes) { return bytes <= size_ || grow(bytes - size_); }
    void release() {
      lease_.release();
      if (state_) state_->held -= std::exchange(size_, 0);
    }
    std::size_t size() const { return size_; }

   private:
    friend class ConnectionBudget;
    Share(std::shared_ptr<State> state, ByteLease lease)
        : state_(std::move(state)), lease_(std::move(lease)) {}
    bool room_for(std::size_t bytes) const {
      return !state_ || bytes <= state_->most - std::min(state_->most, state_->held);
    }

    std::shared_ptr<State> state_{};
    ByteLease lease_{};
    std::size_t size_ = 0;
  };

  /// Who pays for the shares that are made from now on.
  void pay_by(Leases leases) { leases_ = std::move(leases); }
  Share share() { return share(leases_); }
  /// @param leases  who pays for this one
  Share share(const Leases& leases) { return {state_, leases ? leases() : ByteLease()}; }
  std::size_t held() const { return state_->held; }

 private:
  std::shared_ptr<State> state_;
  Leases leases_;
};

/// Leases of what clients send, for their key.
/// @param bytes  outlives them
/// @param key    empty: nobody's, the process pays alone
inline ConnectionBudget::Leases request_leases(WorkerBytes& bytes, std::string tenant,
                                               std::string key) {
  return [&bytes, tenant = std::move(tenant), key = std::move(key)] {
    return bytes.lease(MemoryKind::request_body, tenant, key);
  };
}

}  // namespace hawser::net
