#pragma once

#include <cstddef>

#include "net/reactor.hpp"

namespace hawser::net {

/// Keeps one exchange's work from holding a worker: who walks through many bytes books them, and
/// the worker's other connections have their turn in between.
class WorkerTurn {
 public:
  static constexpr std::size_t turn_bytes = 256 * 1024;
  static constexpr std::chrono::microseconds turn_time{1'000};

  explicit WorkerTurn(Reactor& reactor) : waiter_(reactor) {}

  /// Where the turn is over, waits until other connections had theirs; else it has its result at
  /// hand. It cannot be cancelled: it lasts no longer than one batch of the others.
  Task<> spend(std::size_t bytes) {
    if (!over(bytes)) return {};
    return pass();
  }

 private:
  bool over(std::size_t bytes) {
    spent_ += bytes;
    checked_ += bytes;
    if (spent_ >= turn_bytes) return true;
    if (checked_ < turn_bytes / 16) return false;
    checked_ = 0;
    return Clock::now() - begun_ >= turn_time;
  }
  Task<> pass() {
    had_turn_ = false;
    waiter_.reactor().post([this] {  // it waits here until then
      had_turn_ = true;
      waiter_.complete(IoStatus::ok);
    });
    while (!had_turn_) co_await waiter_.wait(Clock::time_point::max());
    spent_ = checked_ = 0;
    begun_ = Clock::now();
  }

  Waiter waiter_;
  Clock::time_point begun_ = Clock::now();
  std::size_t spent_ = 0;
  std::size_t checked_ = 0;
  bool had_turn_ = false;
};

}  // namespace hawser::net
