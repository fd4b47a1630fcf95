#pragma once

#include "net/reactor.hpp"

namespace hawser::net {

/// Ends what an exchange waits for when its client is gone. The one who waits binds the waiter; the
/// one who learns of it calls cancel(). Both on the worker's thread. A waiter that goes, or that
/// another exchange takes over with its connection, is bound no more.
///
/// Sticky: once cancelled, every wait of a bound waiter is over at once, whether it was bound
/// before or is bound later. Nobody has to ask before a wait.
class Cancellation {
 public:
  Cancellation() = default;
  ~Cancellation() { unbind(); }
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;

  void cancel() {
    cancelled_ = true;
    if (target_ == nullptr) return;
    target_->cancelled_ = true;
    target_->complete(IoStatus::cancelled);
  }
  /// Ends what is waited for now, and nothing that comes later.
  void interrupt() {
    if (target_ != nullptr) target_->complete(IoStatus::cancelled);
  }
  bool cancelled() const { return cancelled_; }

  /// A waiter for as long as this lives; then the one before it is bound again, if it is still
  /// there. Does not outlive its Cancellation.
  class [[nodiscard]] Binding {
   public:
    Binding(Cancellation& of, Waiter& waiter) : of_(of) {
      before_ = of.target_;
      if (before_ != nullptr) before_->aimed_at_by_ = &before_;
      of.target_ = nullptr;
      of.aim_at(&waiter);
    }
    ~Binding() {
      Waiter* const before = before_;
      if (before != nullptr) before->aimed_at_by_ = nullptr;
      of_.aim_at(before);
    }
    Binding(const Binding&) = delete;
    Binding& operator=(const Binding&) = delete;

   private:
    Cancellation& of_;
    Waiter* before_ = nullptr;
  };

  /// Binds the waiter of an answer, for as long as it lives or until another one is bound so: it
  /// outlives the function that binds it. All else takes a Binding.
  void bind_answer(Waiter& waiter) { aim_at(&waiter); }
  /// What is waited for from here on goes on whatever happens.
  void unbind() { aim_at(nullptr); }

 private:
  void aim_at(Waiter* target) {
    if (target_ != nullptr) {
      target_->aimed_at_by_ = nullptr;
      target_->cancelled_ = false;
    }
    if (target != nullptr) {
      Waiter** const other = std::exchange(target->aimed_at_by_, &target_);
      if (other != nullptr) *other = nullptr;
      target->cancelled_ = cancelled_;
    }
    target_ = target;
  }

  bool cancelled_ = false;
  Waiter* target_ = nullptr;
};

}  // namespace hawser::net
