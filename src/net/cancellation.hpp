#pragma once

#include "net/reactor.hpp"

namespace hawser::net {

/// Ends what an exchange waits for when its client is gone. The one who waits names the waiter; the
/// one who learns of it calls cancel(). Both on the worker's thread. A waiter that goes, or that
/// another exchange takes over with its connection, is aimed at no more.
class Cancellation {
 public:
  Cancellation() = default;
  ~Cancellation() { aim_at(nullptr); }
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;

  void cancel() {
    cancelled_ = true;
    if (target_ != nullptr) target_->complete(IoStatus::cancelled);
  }
  /// Ends what is waited for now, and nothing that comes later.
  void interrupt() {
    if (target_ != nullptr) target_->complete(IoStatus::cancelled);
  }
  bool cancelled() const { return cancelled_; }

  /// What cancel() ends from now on; nullptr: nothing. @return what it was before
  Waiter* aim_at(Waiter* target) {
    if (target_ != nullptr) target_->aimed_at_by_ = nullptr;
    if (target != nullptr) {
      Waiter** const other = std::exchange(target->aimed_at_by_, &target_);
      if (other != nullptr) *other = nullptr;
    }
    return std::exchange(target_, target);
  }

 private:
  bool cancelled_ = false;
  Waiter* target_ = nullptr;
};

}  // namespace hawser::net
