#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <mutex>
#include <utility>

namespace hawser::store {

/// Money spent within a calendar window (a day, a month), in billionths of a US dollar. A new
/// window begins at nothing. Never more than the most is ever promised, whoever asks at once.
///
/// The sum is never negative, and what no longer fits stays at the largest amount until the next
/// window: no answer, whatever it says that it used, makes room for another.
class Spend {
 public:
  using End = std::chrono::system_clock::time_point;
  static constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

  /// @param window  number of the window that it is now
  /// @param amount  not negative
  /// @param end     of it: afterwards nothing needs to be known
  bool take(std::int64_t window, std::int64_t amount, std::int64_t most, End end = End::max()) {
    const std::lock_guard lock(mutex_);
    turn_to(window);
    end_ = end;
    if (spent_ >= most || amount > most - spent_) return false;
    add(amount);
    return true;
  }
  /// What was taken in that window turned out to be more or less; of older ones nothing is left.
  void adjust(std::int64_t window, std::int64_t difference) {
    const std::lock_guard lock(mutex_);
    if (window == window_) return add(difference);
    if (window != before_.window) return;
    std::swap(before_.spent, spent_);
    add(difference);
    std::swap(before_.spent, spent_);
  }
  /// @param amount  not negative
  void restore(std::int64_t window, std::int64_t amount, End end = End::max()) {
    const std::lock_guard lock(mutex_);
    turn_to(window);
    end_ = end;
    add(std::max<std::int64_t>(amount, 0));
  }
  /// Whether it must be kept.
  bool counts(End now) const {
    const std::lock_guard lock(mutex_);
    return window_ >= 0 && now < end_;
  }
  std::int64_t spent(std::int64_t window) const {
    const std::lock_guard lock(mutex_);
    if (window == before_.window) return before_.spent;
    return window == window_ ? spent_ : 0;
  }
  /// Whether this is the first time that it is asked in that window.
  bool first_warning(std::int64_t window) {
    const std::lock_guard lock(mutex_);
    if (window <= warned_) return false;
    warned_ = window;
    return true;
  }

 private:
  /// Another thread may have seen the next window first: nothing turns back by one.
  void turn_to(std::int64_t window) {
    if (window == window_ || window + 1 == window_) return;
    // A clock that jumped comes back: what was spent meanwhile is still known.
    const Sum now{window_, spent_};
    const bool back = window == before_.window;
    window_ = window;
    spent_ = back ? before_.spent : 0;
    before_ = now;
  }
  void add(std::int64_t difference) {
    if (spent_ == largest) return;
    if (__builtin_add_overflow(spent_, difference, &spent_)) spent_ = largest;
    spent_ = std::max<std::int64_t>(spent_, 0);
  }

  mutable std::mutex mutex_;
  struct Sum {
    std::int64_t window = -1;
    std::int64_t spent = 0;
  };
  Sum before_{};  // of the window that was the last one before
  std::int64_t window_ = -1;
  std::int64_t spent_ = 0;
  std::int64_t warned_ = -1;  // the last window that somebody was warned in
  End end_ = End::max();
};

}  // namespace hawser::store
