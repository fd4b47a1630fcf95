#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>

#include "base/master_key.hpp"
#include "base/result.hpp"
#include "store/disk_table.hpp"

namespace hawser::store {

/// What is to be kept.
struct DiskEntry {
  DiskKey key{};
  std::optional<std::string> owner{};  // under whose key it is sealed; nothing: shared by all
  std::string tenant{};                // whose it is when it comes to purging
  std::string model{};                 // stands in the file as it is
  WallTime stored{};
  milliseconds ttl{};  // from then on it is not there any more
  std::string value{};
};

struct DiskFound {
  enum class Outcome : std::uint8_t { hit, miss, late, error };
  Outcome outcome = Outcome::miss;
  std::string value{};
};

/// What is to be thrown away; empty members fit all.
struct DiskPurge {
  std::string tenant{};
  std::string model{};
  milliseconds older_than{0};
};

/// Blobs on disk, sealed by tenant, on a thread of its own. Every call is thread-safe and returns
/// at once; callbacks are called once each, on the disk's thread, or here when there is no room in
/// its queue. Neither they nor what they do may wait.
class DiskCache {
 public:
  struct Settings {
    std::string path{};
    std::uint64_t size_max = 0;                         // bytes of the file
    std::size_t queue_max = 1024;                       // of reads, and of writes
    std::size_t queue_bytes_max = 64ull * 1024 * 1024;  // of writes
  };
  using Found = std::function<void(DiskFound found)>;
  using Purged = std::function<void(Result<std::size_t> count)>;

  DiskCache(Settings settings, MasterKey master);
  ~DiskCache() { stop(); }
  DiskCache(const DiskCache&) = delete;
  DiskCache& operator=(const DiskCache&) = delete;

  /// @param owner     as it was put
  /// @param deadline  later nobody wants it: it is `late` without a look
  void get(const DiskKey& key, std::optional<std::string> owner, Clock::time_point deadline,
           Found found);
  /// Dropped, and counted, where there is no room.
  void put(DiskEntry entry);
  /// Also of what was put before it. Error: overloaded, when the disk does not serve.
  void purge(DiskPurge purge, Purged purged);
  /// Does what is queued, closes the file and ends the thread.
  void stop();

  struct Totals {
    std::uint64_t bytes = 0;  // of the file that are in use
    std::uint64_t entries = 0;
    std::uint64_t dropped_queue = 0;  // no room in the queue
    std::uint64_t dropped_size = 0;   // more than a tenth of all
    std::uint64_t dropped_disk = 0;   // the disk is full, or does not serve
  };
  Totals totals() const;

 private:
  struct Get {
    DiskKey key;
    std::optional<std::string> owner;
    Clock::time_point deadline;
    Found found;
  };
  struct PurgeJob {
    DiskPurge purge;
    Purged purged;
  };
  using Write = std::variant<DiskEntry, PurgeJob>;

  void run();
  void serve(Get& get);
  DiskFound look(const Get& get);
  void serve(DiskEntry& entry);
  void serve(PurgeJob& job);
  void commit();
  void sweep();
  void publish();
  KeyBytes key_of(const std::optional<std::string>& owner) const;
  std::string tag_of(std::string_view tenant) const;

  Settings settings_;
  MasterKey master_;
  KeyBytes tag_key_;
  DiskTable table_;  // of the thread alone
  Clock::time_point next_sweep_{};

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Get> gets_;
  std::deque<Write> writes_;
  std::size_t queued_bytes_ = 0;
  bool stopping_ = false;

  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> entries_{0};
  std::atomic<std::uint64_t> dropped_queue_{0};
  std::atomic<std::uint64_t> dropped_size_{0};
  std::atomic<std::uint64_t> dropped_disk_{0};
  std::atomic<std::uint64_t> lost_{0};
  std::thread thread_;
};

}  // namespace hawser::store
