#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.hpp"

/// How many bytes clients can make the process hold. Who wants to hold some
/// takes a ByteLease before they are read; what is taken goes back when the
/// lease goes.
namespace hawser::net {

/// What the bytes are for; the label `kind` of hawser_bytes_in_use.
enum class MemoryKind : std::uint8_t { request_body, unpacking, generation_log, copy, queue };
inline constexpr std::size_t memory_kinds = 5;
std::string_view name_of(MemoryKind kind);

/// Which bound refused; the label `bound` of hawser_memory_refused_total.
enum class MemoryBound : std::uint8_t { process, key, connection, logs };
inline constexpr std::size_t memory_bounds = 4;
/// The setting, as a message names it.
std::string_view setting_of(MemoryBound bound);
std::string_view name_of(MemoryBound bound);

struct ByteLimits {
  std::uint64_t process = 0;
  std::uint64_t per_key = 0;
  std::uint64_t per_connection = 0;
  std::uint64_t logs = 0;  // of `process`, what logs of generations may hold
};

/// What one key holds, on all workers.
using KeyBytes = std::atomic<std::int64_t>;

/// What one connection holds; a member of it, and outlives its leases.
struct ConnectionBytes {
  std::uint64_t in_use = 0;
};

/// A number of bytes that threads share.
class SharedBytes {
 public:
  /// What is free can become less than nothing when a reload lowers the bound:
  /// then nothing is given until enough came back.
  void set_limit(std::uint64_t limit);
  bool take(std::uint64_t bytes);
  void give_back(std::uint64_t bytes) {
    free_.fetch_add(static_cast<std::int64_t>(bytes), std::memory_order_relaxed);
  }
  /// With what workers keep at hand.
  std::uint64_t taken() const;

 private:
  std::atomic<std::int64_t> free_{0};
  std::atomic<std::int64_t> limit_{0};
};

/// What the whole process may hold. Thread-safe; outlives its workers.
class ProcessBytes {
 public:
  void set_limits(const ByteLimits& limits) {
    all.set_limit(limits.process);
    logs.set_limit(limits.logs);
  }
  /// Keys come from the configuration, so there are few: none is forgotten.
  KeyBytes& of_key(const std::string& name);

  SharedBytes all;
  SharedBytes logs;

 private:
  std::mutex mutex_;  // of keys_; workers ask once for a key
  std::unordered_map<std::string, KeyBytes> keys_;
};

class ByteLease;

/// One worker's part of it: it takes from what is shared by slabs, so that a
/// lease costs no more than an addition here and one on its key. Used on the
/// worker's thread only, as its leases are; it outlives them.
class WorkerBytes {
 public:
  explicit WorkerBytes(ProcessBytes& process)
      : process_(process), all_{process.all}, logs_{process.logs} {}
  WorkerBytes(const WorkerBytes&) = delete;
  WorkerBytes& operator=(const WorkerBytes&) = delete;

  /// Those that are shared are set by ProcessBytes::set_limits().
  void configure(const ByteLimits& limits);
  /// Is asked to give up so many bytes before a lease is refused: logs of ended
  /// generations, which are kept for who may come back, go for what is under
  /// way.
  /// @param of  whose; null: anybody's
  using Reclaim = std::function<void(std::uint64_t bytes, const KeyBytes* of)>;
  void on_shortage(Reclaim reclaim) { reclaim_ = std::move(reclaim); }

  /// Of nothing yet.
  /// @param tenant, key  whose it is; an empty key: nobody's, no bound of a key
  /// applies
  /// @param connection   null: no bound of a connection applies
  ByteLease lease(MemoryKind kind, std::string_view tenant, std::string_view key,
                  ConnectionBytes* connection = nullptr);

  std::uint64_t in_use(MemoryKind kind) const { return in_use_[static_cast<std::size_t>(kind)]; }
  std::uint64_t refused(MemoryBound bound) const {
    return refused_[static_cast<std::size_t>(bound)];
  }

 private:
  friend class ByteLease;
  /// What it has at hand of a shared number.
  struct Slab {
    SharedBytes& shared;
    std::uint64_t size = 0;  // of one
    std::uint64_t at_hand = 0;
    std::uint64_t overdraft = 0;  // was forced beyond the bound
    ~Slab() { shared.give_back(at_hand); }
    bool take(std::uint64_t bytes);
    void force(std::uint64_t bytes) {
      if (!take(bytes)) overdraft += bytes;
    }
    void give_back(std::uint64_t bytes);
  };
  std::optional<MemoryBound> take(const ByteLease& lease, std::uint64_t bytes);
  std::optional<MemoryBound> take_of_key(const ByteLease& lease, std::uint64_t bytes);
  std::optional<MemoryBound> take_shared(MemoryKind kind, std::uint64_t bytes);
  Error refuse(MemoryBound bound);

  ProcessBytes& process_;
  ByteLimits limits_{};
  Slab all_;
  Slab logs_;
  std::array<std::uint64_t, memory_kinds> in_use_{};
  std::array<std::uint64_t, memory_bounds> refused_{};
  Reclaim reclaim_{};
  std::unordered_map<std::string, KeyBytes*> keys_;  // of process_
  std::string name_;
};

/// Bytes that are held, until it goes. Of no worker: it bounds nothing, for
/// what has no client.
class ByteLease {
 public:
  ByteLease() = default;
  ByteLease(ByteLease&& other) noexcept { swap(other); }
  ByteLease& operator=(ByteLease&& other) noexcept {
    ByteLease gone(std::move(other));
    swap(gone);
    return *this;
  }
  ~ByteLease() { release(); }

  /// Takes `bytes` more, or none. Errors: rate_limit (the key's bound),
  /// overloaded (all others); the message names the setting.
  Result<> grow(std::uint64_t bytes);
  /// The same for who needs no words. @return whether it has them
  bool try_grow(std::uint64_t bytes);
  /// Up to `bytes` in all; what it has beyond stays.
  Result<> grow_to(std::uint64_t bytes) {
    return bytes > bytes_ ? grow(bytes - bytes_) : Result<>();
  }
  /// Takes what is in memory already, beyond the bounds too: only for what is
  /// bounded otherwise.
  void force(std::uint64_t bytes);
  void shrink(std::uint64_t bytes);
  void release() { shrink(bytes_); }
  std::uint64_t bytes() const { return bytes_; }
  bool belongs_to(const KeyBytes* key) const { return key_ == key; }

  /// Whose it is, to lease of nothing yet: for who may never need a lease, in half the room.
  class Origin {
   public:
    Origin() = default;
    ByteLease lease(MemoryKind kind) const;

   private:
    friend class ByteLease;
    WorkerBytes* worker_ = nullptr;
    KeyBytes* key_ = nullptr;
  };
  /// Without its connection's bound.
  Origin origin() const;

 private:
  friend class WorkerBytes;
  void swap(ByteLease& other) noexcept;
  void add(std::uint64_t bytes);
  MemoryKind kind() const { return static_cast<MemoryKind>(kind_); }

  WorkerBytes* worker_ = nullptr;
  KeyBytes* key_ = nullptr;
  ConnectionBytes* connection_ = nullptr;
  // An open stream holds several: they are kept small.
  std::uint64_t bytes_ : 56 = 0;
  std::uint64_t kind_ : 8 = 0;
};

}  // namespace hawser::net
