#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>

namespace hawser::store {

/// Money spent within a calendar window (a day, a month), in billionths of a US dollar. A new
/// window begins at nothing. Never more than the most is ever promised, whoever asks at once.
class Spend {
 public:
  using End = std::chrono::system_clock::time_point;
  /// @param window  number of the window that it is now
  /// @param end     of it: afterwards nothing needs to be known
  bool take(std::int64_t window, std::int64_t amount, std::int64_t most, End end = End::max()) {
    const std::lock_guard lock(mutex_);
    turn_to(window);
    end_ = end;
    if (spent_ + amount > most || spent_ >= most) return false;
    spent_ += amount;
    return true;
  }
  /// What was taken in that window turned out to be more or less; of a past one nothing is left.
  void adjust(std::int64_t window, std::int64_t difference) {
    const std::lock_guard lock(mutex_);
    if (window == window_) spent_ += difference;
  }
  void restore(std::int64_t window, std::int64_t amount, End end = End::max()) {
    const std::lock_guard lock(mutex_);
    turn_to(window);
    end_ = end;
    spent_ += amount;
  }
  /// Whether it must be kept.
  bool counts(End now) const {
    const std::lock_guard lock(mutex_);
    return window_ >= 0 && now < end_;
  }
  std::int64_t spent(std::int64_t window) const {
    const std::lock_guard lock(mutex_);
    return window == window_ ? spent_ : 0;
  }

 private:
  /// Another thread may have seen the next window first: nothing turns back by one.
  void turn_to(std::int64_t window) {
    if (window == window_ || window + 1 == window_) return;
    window_ = window;
    spent_ = 0;
  }
  mutable std::mutex mutex_;
  std::int64_t window_ = -1;
  std::int64_t spent_ = 0;
  End end_ = End::max();
};

}  // namespace hawser::store
