#include "store/limit_counters.hpp"

namespace hawser::store {

/// Forgets what nobody uses.
void LimitCounters::sweep(Shard& shard, Clock::time_point now) const {
  const auto today = std::chrono::system_clock::now();
  std::erase_if(shard.counters, [now, today](const auto& entry) {
    const LimitCounterPtr& counter = entry.second;
    return counter.use_count() == 1 && counter->bucket.idle(now) && counter->places.taken() == 0 &&
           !counter->spend.counts(today);
  });
}

/// @return whether one more may be there. Looks for idle ones at most once a second.
bool LimitCounters::make_room(Shard& shard, Clock::time_point now) const {
  if (shard.counters.size() < most_a_shard_) return true;
  if (now < shard.next_sweep) return false;
  shard.next_sweep = now + std::chrono::seconds(1);
  sweep(shard, now);
  return shard.counters.size() < most_a_shard_;
}

LimitCounterPtr LimitCounters::at(const std::string& name, Clock::time_point now) {
  Shard& shard = shards_[NameHash{}(name) % shards];
  const std::lock_guard lock(shard.mutex);
  if (const auto found = shard.counters.find(name); found != shard.counters.end()) {
    return found->second;
  }
  if (make_room(shard, now)) {
    return shard.counters.emplace(name, std::make_shared<LimitCounter>()).first->second;
  }
  // One for each limit in each shard: there are as many as the configuration has limits.
  LimitCounterPtr& shared = shard.shared[name.substr(0, name.find('\0'))];
  if (!shared) shared = std::make_shared<LimitCounter>();
  return shared;
}

std::size_t LimitCounters::size() const {
  std::size_t sum = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.counters.size();
  }
  return sum;
}

std::uint64_t LimitCounters::places_taken() const {
  std::uint64_t sum = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& [name, counter] : shard.counters) sum += counter->places.taken();
    for (const auto& [name, counter] : shard.shared) sum += counter->places.taken();
  }
  return sum;
}

const LimitCounterPtr& KnownCounters::at(const std::string& name, Clock::time_point now) {
  const auto found = known_.find(name);
  if (found != known_.end()) return found->second;
  if (known_.size() >= most) known_.clear();
  return known_.emplace(name, counters_.at(name, now)).first->second;
}

}  // namespace hawser::store
