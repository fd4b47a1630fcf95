#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/freshness.hpp"
#include "base/secret.hpp"

namespace hawser::secret {

/// A credential that changes while the gateway runs. The thread of secrets writes it; workers see
/// by one atomic whether it is another one now.
class Live final : public Freshness {
 public:
  using Freshness::Freshness;

  /// Counts up with every change; 0: there is none yet.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  Secret value() const {
    const std::lock_guard lock(mutex_);
    return Secret(std::string(value_.reveal()));
  }
  void set(const Secret& value) {
    const std::lock_guard lock(mutex_);
    value_ = Secret(std::string(value.reveal()));
    version_.fetch_add(1, std::memory_order_release);
  }

  /// Asks for another one, where the one of version `seen` was refused; `done` is called on the
  /// thread of secrets, whatever came of it. Set before others see it.
  std::function<void(std::uint64_t seen, std::function<void()> done)> renew{};

 private:
  mutable std::mutex mutex_;  // of value_ alone
  Secret value_{};
  std::atomic<std::uint64_t> version_{0};
};
using LivePtr = std::shared_ptr<Live>;

}  // namespace hawser::secret
