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

bool Turnstile::enter(const WaitingPtr& waiting, std::uint64_t waiting_max, std::uint64_t all_max) {
  const std::lock_guard lock(mutex_);
  if (waiting_ >= all_max) return false;
  const auto [found, is_new] = lines_.try_emplace(waiting->counter.get());
  Line& line = found->second;
  if (is_new) {
    line.due = Clock::now();
    due_.emplace(line.due, found->first);
  }
  if (line.queue.waiting_of(waiting->tenant, waiting->share.priority) >= waiting_max) {
    if (line.queue.empty()) erase(found);
    return false;
  }
  line.queue.push(waiting->tenant, waiting->share.weight, waiting->share.priority, waiting->units,
                  waiting);
  line.units += waiting->units;
  ++waiting_;
  waiting->counter->waiting.fetch_add(1, std::memory_order_relaxed);
  if (!thread_.joinable()) {
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "hawser-turns");
      run();
    });
  }
  if (is_new) changed_.notify_one();  // of the others it is known when they are to be looked at
  return true;
}

void Turnstile::erase(Lines::iterator line) {
  due_.erase({line->second.due, line->first});
  lines_.erase(line);
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
  --waiting_;
  waiting->counter->waiting.fetch_sub(1, std::memory_order_relaxed);
  if (found->second.queue.empty()) erase(found);
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

void Turnstile::serve(Line& line, Clock::time_point now) {
  while (WaitingPtr* first = line.queue.front()) {
    const WaitingPtr waiting = *first;
    const auto verdict = waiting->counter->bucket.take_in_turn(waiting->pace, waiting->units, now);
    if (!verdict.taken) {
      line.due = now + verdict.wait;
      return;
    }
    line.queue.pop();
    line.units -= waiting->units;
    --waiting_;
    waiting->counter->waiting.fetch_sub(1, std::memory_order_relaxed);
    waiting->granted = true;
    wake(waiting);
  }
}

Clock::time_point Turnstile::serve(Clock::time_point now) {
  while (!due_.empty() && due_.begin()->first <= now) {
    const auto at = lines_.find(due_.begin()->second);
    due_.erase(due_.begin());
    serve(at->second, now);
    if (at->second.queue.empty()) {
      lines_.erase(at);
    } else {
      due_.emplace(at->second.due, at->first);
    }
  }
  return due_.empty() ? Clock::time_point::max() : due_.begin()->first;
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
