#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>

#include "net/reactor.hpp"
#include "stage/admit/fair_queue.hpp"
#include "stage/admit/limits.hpp"
#include "store/limit_counters.hpp"

namespace hawser::stage::admit {

/// One exchange that waits for a leaky bucket.
struct Waiting {
  net::Reactor& reactor;
  net::Waiter waiter;
  store::LimitCounterPtr counter;
  store::Pace pace;
  std::string tenant;
  LimitTable::Share share;
  std::uint64_t units;
  bool granted = false;  // its units are taken; guarded by the turnstile
  bool gone = false;     // of its worker

  explicit Waiting(net::Reactor& home) : reactor(home), waiter(home) {}
};
using WaitingPtr = std::shared_ptr<Waiting>;

/// Where exchanges of all workers wait for their turn. One thread takes the units for whoever is
/// next as soon as the bucket has them and wakes it on its worker; nobody else wakes up.
class Turnstile {
 public:
  Turnstile() = default;
  ~Turnstile();
  Turnstile(const Turnstile&) = delete;
  Turnstile& operator=(const Turnstile&) = delete;

  /// @param waiting_max  of its tenant, for its counter
  /// @param all_max      of everybody, for all counters
  /// @return false: too many wait
  bool enter(const WaitingPtr& waiting, std::uint64_t waiting_max, std::uint64_t all_max);
  /// It waits no more. @return whether its units were taken for it
  bool leave(const WaitingPtr& waiting);
  /// Units that wait for this counter.
  std::uint64_t units_waiting(const store::LimitCounter& counter) const;

 private:
  struct Line {
    FairQueue<WaitingPtr> queue{};
    std::uint64_t units = 0;
    Clock::time_point due{};  // when its first may pass
  };
  using Lines = std::unordered_map<store::LimitCounter*, Line>;
  void run();
  /// Lets all pass whose time has come. @return when the next one's does
  Clock::time_point serve(Clock::time_point now);
  void serve(Line& line, Clock::time_point now);
  void erase(Lines::iterator line);
  static void wake(const WaitingPtr& waiting);

  mutable std::mutex mutex_;
  std::uint64_t waiting_ = 0;  // in all lines
  std::condition_variable changed_;
  Lines lines_;
  std::set<std::pair<Clock::time_point, store::LimitCounter*>> due_;  // each line, by its time
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace hawser::stage::admit
