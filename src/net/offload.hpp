#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "net/cancellation.hpp"

namespace hawser::net {

/// Threads for work that is too long for a worker: its other connections would wait for it. They
/// have a low priority, so that workers come first where there are not enough cores for both. Those
/// who ask take turns: who asks for much waits behind itself.
/// Stops before the workers' reactors are gone; outlives the exchanges that use it. Its queue is
/// bounded by what is in it: each entry is an exchange with a body that holds a ByteLease.
class Offload {
 public:
  /// Bytes that a worker may walk through in one piece; more is work for here, or for WorkerTurn.
  static constexpr std::size_t on_worker_max = 256 * 1024;

  explicit Offload(unsigned threads);
  ~Offload() { stop(); }
  /// What runs ends; what is queued never begins. Once the workers' threads have ended.
  void stop();
  Offload(const Offload&) = delete;
  Offload& operator=(const Offload&) = delete;

  /// Runs `work`, which throws nothing, and comes back to the thread of `reactor`. It is not ended
  /// before its time: `work` may use what its caller holds, and what it uses must not change
  /// meanwhile. Error: cancelled, behind it: nobody waits for what comes of it
  /// @param who  its key's principal: only compared
  template <class Work>
  Task<Result<>> run(Reactor& reactor, const void* who, Work& work,
                     const Cancellation& cancellation) {
    Pending pending(reactor, who);
    pending.work = [&work] { work(); };
    submit(pending);
    while (!pending.done) co_await pending.waiter.wait(Clock::time_point::max());
    co_return outcome(cancellation);
  }
  /// The same where `size` is more than a worker may do at once, else here and now.
  template <class Work>
  Task<Result<>> run_if_long(Reactor& reactor, const void* who, std::size_t size, Work& work,
                             const Cancellation& cancellation) {
    if (size > on_worker_max) return run(reactor, who, work, cancellation);
    work();
    return outcome(cancellation);
  }

 private:
  struct Pending {
    Pending(Reactor& reactor, const void* asks) : waiter(reactor), who(asks) {}
    Waiter waiter;
    const void* who;
    std::function<void()> work{};
    bool done = false;  // of the worker's thread
  };
  static Result<> outcome(const Cancellation& cancellation) {
    if (!cancellation.cancelled()) return {};
    return Error{.code = Code::cancelled, .message = "cancelled"};
  }
  void submit(Pending& pending);
  void serve();

  /// What one who asks waits for, in its order.
  struct Line {
    const void* who = nullptr;
    std::deque<Pending*> pending{};  // never empty; owned by the coroutines that wait
  };

  std::mutex mutex_;  // of lines_ and ended_
  std::condition_variable news_;
  std::deque<Line> lines_;  // the first one is next
  bool ended_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace hawser::net
