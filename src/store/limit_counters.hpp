#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "store/bucket.hpp"
#include "store/spend.hpp"

namespace hawser::store {

/// What a limit counts for one of those it is set for (a key, a tenant, ...).
struct LimitCounter {
  Bucket bucket{};
  Places places{};
  Spend spend{};
  std::atomic<std::uint32_t> waiting{0};  // who waits for its bucket
};
using LimitCounterPtr = std::shared_ptr<LimitCounter>;

struct NameHash : std::hash<std::string_view> {
  using is_transparent = void;
};

/// The counters of all limits, shared by the workers; they outlive a reload. Workers remember the
/// counters that they use, so this lock is not on the way of a request.
///
/// Some names come from clients, so their number is bounded: where all counters are in use, those
/// who come new share one for each limit. It binds them more than their own would, never less.
class LimitCounters {
 public:
  /// @param counters_max  where it is met idle ones are forgotten: a full bucket is like a new one
  explicit LimitCounters(std::size_t counters_max) : most_a_shard_(counters_max / shards + 1) {}

  /// @param name  of the limit, a byte 0, and whom it counts for
  LimitCounterPtr at(const std::string& name, Clock::time_point now);
  std::size_t size() const;
  /// Of all counters: places that are taken.
  std::uint64_t places_taken() const;

 private:
  static constexpr std::size_t shards = 16;
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::string, LimitCounterPtr, NameHash, std::equal_to<>> counters;
    std::unordered_map<std::string, LimitCounterPtr> shared;  // by limit: of those beyond
    Clock::time_point next_sweep{};
  };
  bool make_room(Shard& shard, Clock::time_point now) const;
  void sweep(Shard& shard, Clock::time_point now) const;

  std::size_t most_a_shard_;
  std::array<Shard, shards> shards_;
};

/// One worker's view of them.
class KnownCounters {
 public:
  explicit KnownCounters(LimitCounters& counters) : counters_(counters) {}
  const LimitCounterPtr& at(const std::string& name, Clock::time_point now);

 private:
  static constexpr std::size_t most = 4096;
  LimitCounters& counters_;
  std::unordered_map<std::string, LimitCounterPtr, NameHash, std::equal_to<>> known_;
};

}  // namespace hawser::store
