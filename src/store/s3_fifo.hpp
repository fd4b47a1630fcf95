#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace hawser::store {

/// Which values a cache of bounded size keeps: S3-FIFO (SOSP 2023), by bytes. New ones pass a small
/// queue; only those that are asked for again there, or were thrown out of it lately, come into the
/// main one. What is asked for once, which is most, is gone quickly and drives nothing else out.
/// Not thread-safe: see ShardedCache.
template <class Key, class Value, class Hash = std::hash<Key>>
class S3Fifo {
 public:
  explicit S3Fifo(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// Null: it is not there.
  const Value* find(const Key& key) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return nullptr;
    Entry& entry = *found->second;
    if (entry.uses < uses_max) ++entry.uses;
    return &entry.value;
  }
  /// Replaces what is there. A value that is more than a tenth of all is not kept.
  void put(const Key& key, Value value, std::size_t size) {
    erase(key);
    if (size > bytes_max_ / 10) return;
    const bool known = ghosts_.count(key) != 0;
    Queue& queue = known ? main_ : small_;
    queue.list.push_front({key, std::move(value), size, 0, !known});
    queue.bytes += size;
    entries_.emplace(key, queue.list.begin());
    while (bytes() > bytes_max_) evict();
  }
  bool erase(const Key& key) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return false;
    drop(found->second);
    return true;
  }
  /// Erases all that `is(key, value)`. @return how many
  template <class Is>
  std::size_t erase_if(Is is) {
    std::size_t count = 0;
    for (Queue* queue : {&small_, &main_}) {
      for (auto at = queue->list.begin(); at != queue->list.end();) {
        const auto entry = at++;
        if (!is(entry->key, entry->value)) continue;
        drop(entry);
        ++count;
      }
    }
    return count;
  }

  std::size_t bytes() const { return small_.bytes + main_.bytes; }
  std::size_t size() const { return entries_.size(); }
  std::uint64_t evictions() const { return evictions_; }

 private:
  static constexpr std::uint8_t uses_max = 3;
  struct Entry {
    Key key;
    Value value;
    std::size_t size;
    std::uint8_t uses;
    bool small;
  };
  using Place = typename std::list<Entry>::iterator;
  struct Queue {
    std::list<Entry> list{};  // newest first
    std::size_t bytes = 0;
  };

  void drop(Place entry) {
    Queue& queue = entry->small ? small_ : main_;
    queue.bytes -= entry->size;
    entries_.erase(entry->key);
    queue.list.erase(entry);
  }
  void evict() {
    if (small_.bytes > bytes_max_ / 10 || main_.list.empty()) {
      evict_small();
    } else {
      evict_main();
    }
  }
  void evict_small() {
    while (!small_.list.empty()) {
      const Place oldest = std::prev(small_.list.end());
      if (oldest->uses == 0) {
        remember(oldest->key);
        drop(oldest);
        ++evictions_;
        return;
      }
      small_.bytes -= oldest->size;
      main_.bytes += oldest->size;
      oldest->uses = 0;
      oldest->small = false;
      main_.list.splice(main_.list.begin(), small_.list, oldest);
      if (small_.bytes <= bytes_max_ / 10) return;
    }
  }
  void evict_main() {
    for (;;) {
      const Place oldest = std::prev(main_.list.end());
      if (oldest->uses == 0) {
        drop(oldest);
        ++evictions_;
        return;
      }
      --oldest->uses;
      main_.list.splice(main_.list.begin(), main_.list, oldest);
    }
  }
  /// As many as the main queue holds, and some to begin with.
  void remember(const Key& key) {
    if (!ghosts_.insert(key).second) return;
    ghost_order_.push_back(key);
    while (ghost_order_.size() > std::max<std::size_t>(main_.list.size(), 64)) {
      ghosts_.erase(ghost_order_.front());
      ghost_order_.pop_front();
    }
  }

  std::size_t bytes_max_;
  Queue small_, main_;
  std::unordered_map<Key, Place, Hash> entries_;
  std::unordered_set<Key, Hash> ghosts_;
  std::deque<Key> ghost_order_;
  std::uint64_t evictions_ = 0;
};

/// The same for all workers: keys are spread over shards, each with a lock that is held for one
/// look. Values are copied out, so they should be shared pointers.
template <class Key, class Value, class Hash = std::hash<Key>>
class ShardedCache {
 public:
  explicit ShardedCache(std::size_t bytes_max) {
    for (auto& shard : shards_) shard = std::make_unique<Shard>(bytes_max / shards);
  }

  Value find(const Key& key) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    const Value* found = shard.cache.find(key);
    return found == nullptr ? Value() : *found;
  }
  void put(const Key& key, Value value, std::size_t size) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    shard.cache.put(key, std::move(value), size);
  }
  bool erase(const Key& key) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    return shard.cache.erase(key);
  }
  template <class Is>
  std::size_t erase_if(Is is) {
    std::size_t count = 0;
    for (auto& shard : shards_) {
      const std::lock_guard lock(shard->mutex);
      count += shard->cache.erase_if(is);
    }
    return count;
  }
  struct Totals {
    std::size_t bytes = 0;
    std::size_t entries = 0;
    std::uint64_t evictions = 0;
  };
  Totals totals() const {
    Totals totals;
    for (const auto& shard : shards_) {
      const std::lock_guard lock(shard->mutex);
      totals.bytes += shard->cache.bytes();
      totals.entries += shard->cache.size();
      totals.evictions += shard->cache.evictions();
    }
    return totals;
  }

 private:
  static constexpr std::size_t shards = 16;
  struct Shard {
    explicit Shard(std::size_t bytes_max) : cache(bytes_max) {}
    mutable std::mutex mutex;
    S3Fifo<Key, Value, Hash> cache;
  };
  Shard& shard_of(const Key& key) { return *shards_[(Hash{}(key) >> 7) % shards]; }

  std::array<std::unique_ptr<Shard>, shards> shards_;
};

}  // namespace hawser::store
