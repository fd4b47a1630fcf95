#include "store/limit_counters.hpp"

namespace hawser::store {

/// Forgets what nobody uses.
void LimitCounters::sweep(Shard& shard, Clock::time_point now) {
  if (now < shard.next_sweep) return;  // a full shard is not walked for each new name
  shard.next_sweep = now + 1s;
  const auto today = std::chrono::system_clock::now();
  std::erase_if(shard.counters, [&](const auto& entry) {
    const LimitCounterPtr& counter = entry.second.counter;
    const bool idle = counter.use_count() == 1 && counter->bucket.idle(now) &&
                      counter->places.taken() == 0 && !counter->spend.counts(today);
    if (idle && entry.second.held != nullptr) {
      --*entry.second.held;
      --shard.outside;
    }
    return idle;
  });
}

/// @return null: there are too many of its kind
LimitCounterPtr LimitCounters::add(Shard& shard, const CounterName& name,
                                   Clock::time_point now) const {
  std::uint32_t* held = nullptr;
  if (!name.overflow.empty()) {
    held = &shard.held[name.overflow];
    const auto full = [&] {
      return shard.outside >= most_a_shard_ || *held >= most_a_shard_ / 4 + 1;
    };
    if (full()) sweep(shard, now);
    if (full()) return nullptr;
    ++*held;
    ++shard.outside;
  } else if (shard.counters.size() >= most_a_shard_) {
    sweep(shard, now);  // those of keys and tenants that went with a reload
  }
  auto counter = std::make_shared<LimitCounter>();
  shard.counters.emplace(name.text, Entry{counter, held});
  return counter;
}

LimitCounterPtr LimitCounters::at(const CounterName& name, Clock::time_point now) {
  {
    Shard& shard = shards_[NameHash{}(name.text) % shards];
    const std::lock_guard lock(shard.mutex);
    if (const auto found = shard.counters.find(name.text); found != shard.counters.end()) {
      return found->second.counter;
    }
    if (auto added = add(shard, name, now)) return added;
  }
  return at(CounterName{name.overflow, {}}, now);
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
    for (const auto& [name, entry] : shard.counters) sum += entry.counter->places.taken();
  }
  return sum;
}

const LimitCounterPtr& KnownCounters::at(const CounterName& name, Clock::time_point now) {
  const auto found = known_.find(name.text);
  if (found != known_.end()) return found->second;
  if (known_.size() >= counters_.known_max()) known_.clear();
  return known_.emplace(name.text, counters_.at(name, now)).first->second;
}

}  // namespace hawser::store
