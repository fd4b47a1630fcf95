#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>

#include "dialect/api.hpp"
#include "dialect/usage.hpp"
#include "stage/cache/key.hpp"
#include "store/s3_fifo.hpp"

namespace hawser::stage::cache {

using WallClock = std::chrono::system_clock;

/// A finished answer. Never changed; shared by all that read it.
struct Entry {
  int status = 200;
  std::string fields{};  // of its head: "Name: value\r\n"...
  std::string content{};
  bool stream = false;      // content is a stream of events
  bool with_usage = false;  // which ends with a chunk of usage
  dialect::Usage usage{};
  std::string tenant{};
  std::string model{};  // as clients name it
  WallClock::time_point stored{};
  milliseconds ttl{};

  milliseconds age(WallClock::time_point now) const {
    return std::max(0ms, std::chrono::duration_cast<milliseconds>(now - stored));
  }
  std::size_t size() const {
    return sizeof *this + fields.size() + content.size() + tenant.size() + model.size() + 128;
  }
};
using EntryPtr = std::shared_ptr<const Entry>;

/// What is to be thrown away; empty members fit all.
struct Purge {
  std::string tenant{};
  std::string model{};
  milliseconds older_than{0};
};

/// All entries of the node. Shared by the workers; outlives reloads.
class Shelf {
 public:
  /// @param secret  what keys are made with; empty: a new one
  explicit Shelf(std::size_t bytes_max, std::string secret = {});

  EntryPtr find(const Key& key) { return entries_.find(key); }
  void put(const Key& key, EntryPtr entry);
  std::size_t purge(const Purge& purge);
  store::ShardedCache<Key, EntryPtr, KeyHash>::Totals totals() const { return entries_.totals(); }
  /// How often entries were thrown away: what was read elsewhere before may be among them.
  std::uint64_t purges() const { return purges_; }
  void erase(const Key& key) { entries_.erase(key); }
  /// What keys are made with.
  std::string_view secret() const { return secret_; }

  /// One refresh of a key at a time. @return false: there is one under way
  bool begin_refresh(const Key& key);
  void end_refresh(const Key& key);

 private:
  store::ShardedCache<Key, EntryPtr, KeyHash> entries_;
  std::string secret_;
  std::atomic<std::uint64_t> purges_{0};
  std::mutex mutex_;
  std::unordered_set<Key, KeyHash> refreshing_;
};

}  // namespace hawser::stage::cache
