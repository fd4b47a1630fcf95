#include "stage/admit/turnstile.hpp"

#include <pthread.h>

namespace hawser::stage::admit {

Turnstile::~Turnstile() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool Turnstile::enter(const WaitingPtr& waiting, std::uint64_t waiting_max) {
  const std::lock_guard lock(mutex_);
  Line& line = lines_[waiting->counter.get()];
  if (line.queue.waiting_of(waiting->tenant, waiting->share.priority) >= waiting_max) {
    if (line.queue.empty()) lines_.erase(waiting->counter.get());
    return false;
  }
  line.queue.push(waiting->tenant, waiting->share.weight, waiting->share.priority, waiting->units,
                  waiting);
  line.units += waiting->units;
  waiting->counter->waiting.fetch_add(1, std::memory_order_relaxed);
  if (!thread_.joinable()) {
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "hawser-turns");
      run();
    });
  }
  changed_.notify_one();
  return true;
}

bool Turnstile::leave(const WaitingPtr& waiting) {
  const std::lock_guard lock(mutex_);
  if (waiting->granted) return true;
  const auto found = lines_.find(waiting->counter.get());
  if (found == lines_.end()) return false;
  const bool removed =
      found->second.queue.remove(waiting->tenant, waiting->share.priority,
                                 [&](const WaitingPtr& other) { return other == waiting; });
  if (!removed) return false;
  found->second.units -= waiting->units;
  waiting->counter->waiting.fetch_sub(1, std::memory_order_relaxed);
  if (found->second.queue.empty()) lines_.erase(found);
  return false;
}

std::uint64_t Turnstile::units_waiting(const store::LimitCounter& counter) const {
  const std::lock_guard lock(mutex_);
  const auto found = lines_.find(const_cast<store::LimitCounter*>(&counter));
  return found == lines_.end() ? 0 : found->second.units;
}

void Turnstile::wake(const WaitingPtr& waiting) {
  waiting->reactor.post([waiting] {
    if (!waiting->gone) waiting->waiter.complete(net::IoStatus::ok);
  });
}

Clock::time_point Turnstile::serve(Clock::time_point now) {
  auto next = Clock::time_point::max();
  for (auto at = lines_.begin(); at != lines_.end();) {
    Line& line = at->second;
    while (WaitingPtr* first = line.queue.front()) {
      const WaitingPtr waiting = *first;
      const auto verdict =
          waiting->counter->bucket.take_in_turn(waiting->pace, waiting->units, now);
      if (!verdict.taken) {
        next = std::min(next, now + verdict.wait);
        break;
      }
      line.queue.pop();
      line.units -= waiting->units;
      waiting->counter->waiting.fetch_sub(1, std::memory_order_relaxed);
      waiting->granted = true;
      wake(waiting);
    }
    at = line.queue.empty() ? lines_.erase(at) : std::next(at);
  }
  return next;
}

void Turnstile::run() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    const auto next = serve(Clock::now());
    if (next == Clock::time_point::max()) {
      changed_.wait(lock);
    } else {
      changed_.wait_until(lock, next);
    }
  }
}

}  // namespace hawser::stage::admit
