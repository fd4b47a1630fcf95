#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

namespace hawser::store {

/// Which tenant made which object at the providers' accounts. All of it is in memory, where asking
/// waits for nothing; a file keeps it over restarts, written by a thread of its own. Bounded: the
/// oldest objects are forgotten first, and what is forgotten belongs to nobody. Thread-safe.
class ObjectOwners {
 public:
  struct Options {
    std::string path{};  // of an SQLite file; empty: memory only
    std::size_t entries_max = 200'000;
  };
  /// Told when the file cannot be written, and when it can again, on the writing thread.
  using Trouble = std::function<void(const std::string& what)>;
  static constexpr std::size_t id_max = 256;  // bytes; longer ids are not kept

  /// @throws std::runtime_error when the file cannot be opened
  ObjectOwners(Options options, Trouble trouble);
  ~ObjectOwners();
  ObjectOwners(const ObjectOwners&) = delete;
  ObjectOwners& operator=(const ObjectOwners&) = delete;

  /// @param kind  the caller's; the same id of two kinds is two objects
  /// An object that has an owner keeps it: no provider can move one to another tenant.
  void add(std::uint8_t kind, std::string_view id, std::string_view tenant);
  /// Nothing: nobody made it here, or it was forgotten.
  std::optional<std::string> owner_of(std::uint8_t kind, std::string_view id) const;
  std::size_t size() const;
  /// Waits until all that was added is in the file. @return false: not within `patience`
  bool flush(std::chrono::milliseconds patience);

 private:
  struct Row {
    std::uint8_t kind;
    std::string id;
    std::string tenant;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::string, std::string> owners;  // kind and id
    std::deque<std::string> order;                        // oldest first
  };
  static constexpr std::size_t shards = 16;
  static constexpr std::size_t waiting_max = 100'000;

  Shard& shard_of(const std::string& key);
  const Shard& shard_of(const std::string& key) const;
  bool insert(const std::string& key, std::string_view tenant);
  void load();
  void run();
  bool commit(const std::vector<Row>& rows);

  Options options_;
  Trouble trouble_;
  std::array<Shard, shards> shards_;
  std::mutex mutex_;
  std::condition_variable changed_, settled_;
  std::vector<Row> waiting_;
  bool writing_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace hawser::store
