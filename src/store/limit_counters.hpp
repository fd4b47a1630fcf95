#pragma once

#include <algorithm>
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

/// The name of a counter, of bounded size. Most are made of names of the configuration, of which
/// there are few. Where a part comes from outside (a client's own word for its user, an address)
/// anybody can make up more of them than memory holds.
struct CounterName {
  std::string text{};
  /// The counter that takes the place of this one where there are too many; its own name is of the
  /// configuration. Empty: so is this one's, and it always has its own.
  std::string overflow{};
};

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
  /// @param counters_max  of names from outside. Beyond it idle ones are forgotten (a full bucket
  /// is like a new one); where none is idle, further names share their overflow counter: nothing
  /// that was counted is lost. No overflow counter's names take more than a quarter, so that one
  /// key's flood leaves room for others.
  explicit LimitCounters(std::size_t counters_max) : most_a_shard_(counters_max / shards + 1) {}

  LimitCounterPtr at(const CounterName& name, Clock::time_point now);
  LimitCounterPtr at(const std::string& name, Clock::time_point now) {
    return at(CounterName{name, {}}, now);
  }
  std::size_t size() const;
  /// How many a worker may remember, and so keep from being forgotten.
  std::size_t known_max() const { return std::min<std::size_t>(most_a_shard_, 4096); }
  /// Of all counters: places that are taken.
  std::uint64_t places_taken() const;

 private:
  static constexpr std::size_t shards = 16;
  struct Entry {
    LimitCounterPtr counter{};
    std::uint32_t* held = nullptr;  // counts the names of its overflow counter; null: has none
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::string, Entry, NameHash, std::equal_to<>> counters;
    std::unordered_map<std::string, std::uint32_t> held;  // by overflow counter; entries stay
    std::size_t outside = 0;
    Clock::time_point next_sweep{};
  };
  static void sweep(Shard& shard, Clock::time_point now);
  LimitCounterPtr add(Shard& shard, const CounterName& name, Clock::time_point now) const;

  std::size_t most_a_shard_;
  std::array<Shard, shards> shards_;
};

/// One worker's view of them.
class KnownCounters {
 public:
  explicit KnownCounters(LimitCounters& counters) : counters_(counters) {}
  const LimitCounterPtr& at(const CounterName& name, Clock::time_point now);

 private:
  LimitCounters& counters_;
  std::unordered_map<std::string, LimitCounterPtr, NameHash, std::equal_to<>> known_;
};

}  // namespace hawser::store
