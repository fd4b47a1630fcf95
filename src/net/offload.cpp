#include "net/offload.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace hawser::net {
namespace {

constexpr int priority = 10;  // of 19, the lowest

}  // namespace

Offload::Offload(unsigned threads) {
  for (unsigned i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { serve(); });
  }
}

void Offload::stop() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  news_.notify_all();
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Offload::submit(Pending& pending) {
  {
    const std::lock_guard lock(mutex_);
    const auto line = std::find_if(lines_.begin(), lines_.end(),
                                   [&](const Line& one) { return one.who == pending.who; });
    if (line != lines_.end()) {
      line->pending.push_back(&pending);
    } else {
      lines_.push_back({pending.who, {&pending}});
    }
  }
  news_.notify_one();
}

void Offload::serve() {
  pthread_setname_np(pthread_self(), "hawser-offload");
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), priority);  // of this thread alone
  std::unique_lock lock(mutex_);
  for (;;) {
    news_.wait(lock, [this] { return ended_ || !lines_.empty(); });
    if (ended_) return;
    Line line = std::move(lines_.front());
    lines_.pop_front();
    Pending* const pending = line.pending.front();
    line.pending.pop_front();
    if (!line.pending.empty()) lines_.push_back(std::move(line));
    lock.unlock();
    pending->work();
    pending->waiter.reactor().post([pending] {
      pending->done = true;
      pending->waiter.complete(IoStatus::ok);
    });
    lock.lock();
  }
}

}  // namespace hawser::net
