#pragma once

#include <sys/epoll.h>

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/task.hpp"
#include "net/io.hpp"
#include "net/timer_wheel.hpp"

// Asio's headers are a third of what a file would read: they stay in those that use them.
namespace boost::asio {
class io_context;
}

namespace hawser::net {

namespace asio = boost::asio;
class Reactor;

/// What will be touched when a channel turns out to be readable. With a thousand streams all of it
/// is cold: it is asked for from memory while the channels before it are served.
class Companion {
 public:
  static constexpr int turns_max = 4;
  /// Called before the channel's turn, `turns` from turns_max down to 1: what is asked for at one
  /// call can be looked at by the next one. Must not wait for memory nor change anything.
  virtual void prefetch(int turns) const = 0;

  /// Asks for `size` bytes; for nothing where there are none. Always inline: calls of a function
  /// that does nothing else would be taken for calls without effect, and left out.
  [[gnu::always_inline]] static inline void fetch(const void* memory, std::size_t size) {
    if (memory == nullptr) return;
    for (std::size_t at = 0; at < size; at += 64) {
      __builtin_prefetch(static_cast<const char*>(memory) + at);
    }
  }

 protected:
  ~Companion() = default;
};

/// One suspended coroutine and the deadline of its wait.
class Waiter : private Timer {
 public:
  explicit Waiter(Reactor& reactor);
  ~Waiter() {
    if (aimed_at_by_ != nullptr) *aimed_at_by_ = nullptr;
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  struct Wait {
    Waiter& waiter;
    bool await_ready() const noexcept { return waiter.cancelled_; }
    void await_suspend(std::coroutine_handle<> waiting) noexcept { waiter.waiting_ = waiting; }
    IoStatus await_resume() const noexcept { return waiter.outcome_; }
  };
  /// Suspends until complete() or the deadline; not at all where a Cancellation that it is bound to
  /// is cancelled. One wait at a time.
  Wait wait(Clock::time_point deadline);
  bool waiting() const { return static_cast<bool>(waiting_); }
  Reactor& reactor() const { return reactor_; }
  /// Asks for the memory of the coroutine that waits.
  void prefetch(std::size_t size = 320) const { Companion::fetch(waiting_.address(), size); }
  /// Resumes the waiting coroutine, here and now; without one it does nothing.
  void complete(IoStatus status);

 private:
  friend class Cancellation;
  Reactor& reactor_;
  std::coroutine_handle<> waiting_{};
  IoStatus outcome_ = IoStatus::ok;
  bool cancelled_ = false;          // by the Cancellation that it is bound to
  Waiter** aimed_at_by_ = nullptr;  // the place of a Cancellation: empty when this one goes
};

/// What is done once all sockets of a batch were looked at.
class Turn {
 public:
  virtual ~Turn() = default;
  virtual void turn() = 0;

 private:
  friend class Reactor;
  bool in_line_ = false;
};

/// Is told when the peer of a channel hangs up while nobody waits on that channel.
class HangupWatch {
 public:
  virtual void hung_up() = 0;

 protected:
  ~HangupWatch() = default;
};

/// A file descriptor in the worker's epoll set, edge-triggered and registered once. It remembers
/// what the kernel said, so no read or write is tried that is known to block.
class Channel {
 public:
  Channel(Reactor& reactor, int fd);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();

  int fd() const { return fd_; }
  Reactor& reactor() const { return waiter_.reactor(); }
  bool readable() const { return readable_; }
  bool writable() const { return writable_; }
  bool peer_gone() const { return hung_up_; }

  enum Want : std::uint8_t { hangup = 0, read = 1, write = 2, either = 3 };
  /// Suspends until the descriptor is ready for `want`.
  Waiter::Wait wait(Want want, Clock::time_point deadline) {
    want_ = want;
    return waiter_.wait(deadline);
  }
  /// Suspends until all sockets of this batch were looked at: only where Reactor::busy().
  Waiter::Wait wait_turn();
  Waiter& waiter() { return waiter_; }
  /// Ends the wait under way, if any.
  void cancel() { waiter_.complete(IoStatus::cancelled); }
  void watch_hangup(HangupWatch* watch) { watch_ = watch; }
  /// @param companion  what is touched with it; outlives its place here
  void accompany(const Companion* companion) { companion_ = companion; }

 protected:
  // A drained read leaves the hang-up readable: the end of the stream is still to be read.
  void drained() { readable_ = hung_up_; }
  void filled() { writable_ = false; }

 private:
  friend class Reactor;
  void happened(std::uint32_t events);

  int fd_;
  bool readable_ = false;
  bool writable_ = false;
  bool hung_up_ = false;
  bool in_line_ = false;
  Want want_ = read;

 protected:
  bool cut_ = false;  // Stream's; here it costs nothing, and there are two of each open stream

 private:
  Waiter waiter_;
  HangupWatch* watch_ = nullptr;
  const Companion* companion_ = nullptr;
  Channel* next_ = nullptr;
  Channel* previous_ = nullptr;
};

/// Readiness of one thread's sockets: an epoll set of its own beside Asio's. Asio keeps resolvers,
/// signals and precise timers; sockets live here, because one registration for life and one system
/// call for a whole batch of ready sockets is cheaper than an epoll_ctl or a wasted read an
/// operation.
class Reactor {
 public:
  explicit Reactor(asio::io_context& loop);
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  asio::io_context& loop() { return loop_; }
  TimerWheel& timers() { return timers_; }
  /// The time when this batch of sockets became ready: exact enough for deadlines, and free.
  Clock::time_point now() const { return now_; }
  /// Whether more sockets of this batch are still to be looked at.
  bool busy() const { return batch_at_ < batch_end_; }

  /// Gives `turn` its turn at the end of this batch, once: only where busy().
  void join_line(Turn& turn);
  void leave_line(Turn& turn);

  /// Runs sockets and posts on this thread until stop(). What Asio has to do is looked at only
  /// while it is expected.
  void run();
  /// Thread-safe: runs `job` on the reactor's thread with its next batch. Jobs posted within one
  /// batch cost one wake-up together.
  void post(std::function<void()> job);
  /// An answer comes through Asio from another thread soon.
  void expect(int more) { expected_ += more; }

  /// The other way round, for threads that mostly use Asio: sockets run within loop().run().
  void start();
  /// Ends every wait with `cancelled`, so that all sessions unwind.
  void cancel_all();
  /// Waits for nothing any more, so that the loop runs out of work.
  void stop();

 private:
  friend class Channel;
  struct InLoop;
  void add(Channel& channel);
  void remove(Channel& channel);
  void wait_for_events();
  int poll(int patience_ms);
  void handle(int count);
  void give_turns();
  void prefetch(int at) const;
  void run_posted();
  void arm_metronome();
  void tick();

  asio::io_context& loop_;
  int epoll_fd_;                     // in_loop_'s
  std::unique_ptr<InLoop> in_loop_;  // how Asio's loop runs this one, for start()
  TimerWheel timers_;
  Clock::time_point now_;
  std::array<epoll_event, 256> batch_{};
  int batch_at_ = 0;
  int batch_end_ = 0;
  Channel* channels_ = nullptr;
  std::vector<Channel*> line_;  // wait for the end of the batch; nullptr: gone
  std::vector<Turn*> turns_;    // at the end of the batch; nullptr: gone
  bool stopped_ = false;
  int expected_ = 0;

  int metronome_fd_;
  int wake_fd_;
  std::mutex mutex_;  // of posted_ alone
  std::vector<std::function<void()>> posted_;
};

}  // namespace hawser::net
