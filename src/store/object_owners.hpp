#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

namespace hawser::store {

/// Which tenant made which object at the providers' accounts. All of it is in memory, where asking
/// waits for nothing; a file keeps it over restarts, written by a thread of its own. Thread-safe.
///
/// Bounded, and what is forgotten belongs to nobody. Room is made by the tenant that has the most,
/// of the kind that it has the most of, the oldest first: nobody makes another tenant lose what is
/// within its equal share, and the many items of answers do not push out a tenant's files.
class ObjectOwners {
 public:
  struct Options {
    std::string path{};  // of an SQLite file; empty: memory only
    std::size_t entries_max = 200'000;
  };
  /// Told when the file cannot be written, and when it can again, on the writing thread.
  using Trouble = std::function<void(const std::string& what)>;
  static constexpr std::size_t id_max = 256;  // bytes; longer ids are not kept

  /// One of a provider's account. Providers give ids without knowing of each other: the same one at
  /// two of them is two objects.
  struct Object {
    std::string_view provider{};  // its name in the configuration
    std::uint8_t kind = 0;        // the caller's; the same id of two kinds is two objects
    std::string_view id{};
  };

  /// @throws std::runtime_error when the file cannot be opened
  ObjectOwners(Options options, Trouble trouble);
  ~ObjectOwners();
  ObjectOwners(const ObjectOwners&) = delete;
  ObjectOwners& operator=(const ObjectOwners&) = delete;

  /// An object that has an owner keeps it: no provider can move one to another tenant.
  void add(const Object& object, std::string_view tenant);
  /// False: another tenant made it, or nobody did here, or it was forgotten.
  bool owns(std::string_view tenant, const Object& object) const;
  std::size_t size() const;
  /// Waits until all that was added is in the file. @return false: not within `patience`
  bool flush(std::chrono::milliseconds patience);

 private:
  /// Of a tenant's objects of one kind.
  struct Kind {
    std::deque<std::string> keys{};  // oldest first
  };
  struct Tenant {
    std::string name{};
    std::size_t size = 0;
    std::map<std::uint8_t, Kind> kinds{};
  };
  /// What the file is to be told.
  struct Row {
    std::string key{};
    std::string tenant{};
    bool forgotten = false;
  };
  static constexpr std::size_t waiting_max = 100'000;

  bool insert(std::string key, std::string_view tenant, std::vector<Row>& forgotten);
  void make_room(std::vector<Row>& forgotten);
  void tell_file(std::vector<Row> rows);
  void load();
  void run();
  bool commit(const std::vector<Row>& rows);

  Options options_;
  Trouble trouble_;
  mutable std::shared_mutex known_;  // of owners_ and tenants_
  std::unordered_map<std::string, Tenant*> owners_;
  std::map<std::string, Tenant, std::less<>> tenants_;
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_, settled_;
  std::vector<Row> waiting_;
  bool writing_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace hawser::store
