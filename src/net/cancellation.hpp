#pragma once

#include "net/reactor.hpp"

namespace hawser::net {

/// Ends what an exchange waits for when its client is gone. The one who waits names the waiter; the
/// one who learns of it calls cancel(). Both on the worker's thread.
class Cancellation {
 public:
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
  Waiter* aim_at(Waiter* target) { return std::exchange(target_, target); }

 private:
  bool cancelled_ = false;
  Waiter* target_ = nullptr;
};

}  // namespace hawser::net
