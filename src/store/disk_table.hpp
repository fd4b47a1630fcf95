#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "store/sqlite.hpp"

namespace hawser::store {

using DiskKey = std::array<unsigned char, 32>;
/// What the file knows of time; wide enough for any age.
using WallTime = std::chrono::sys_time<milliseconds>;

/// One row as it stands in the file: nothing of it is to be kept secret.
struct DiskRow {
  DiskKey key{};
  std::string tenant{};  // a tag that does not tell the name
  std::string model{};
  WallTime stored{};
  milliseconds ttl{};
  std::string sealed{};
};

/// Rows in one SQLite file of bounded size: the ones that were read longest ago make room. For one
/// thread and one process: another one that holds the file makes it unavailable.
///
/// Nothing here throws for what is wrong with the disk. A file that is broken is renamed to
/// PATH.corrupt and begun anew; one that cannot be opened is tried again after a while; a database
/// of somebody else is left alone.
class DiskTable {
 public:
  enum class Outcome : std::uint8_t { done, nothing, too_large, unavailable };

  /// @param size_max  of the file, without its log of up to 8 MiB
  DiskTable(std::string path, std::uint64_t size_max);
  ~DiskTable();
  DiskTable(const DiskTable&) = delete;
  DiskTable& operator=(const DiskTable&) = delete;

  /// Opens the file, unless it is open or was tried just now. @return whether it is open
  bool open();

  Outcome get(const DiskKey& key, DiskRow& row);
  /// Written for good by commit(). Replaces what is there.
  Outcome put(const DiskRow& row);
  Outcome erase(const DiskKey& key);
  /// @return false: the rows that were put since the last commit are lost
  bool commit();
  /// Rows of a tenant's tag and a model that are stored before; empty ones fit all. Their bytes are
  /// overwritten, in the log too. @return how many; nothing: unavailable
  std::optional<std::size_t> purge(std::string_view tenant, std::string_view model,
                                   WallTime stored_before);
  /// Rows that nobody may be given any more.
  void sweep(WallTime now);

  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t entries() const { return entries_; }
  std::size_t uncommitted() const { return uncommitted_; }
  /// Rows that were put and then lost, because what held them could not be committed.
  std::uint64_t lost() const { return lost_; }

 private:
  struct Statements {
    sqlite::Statement get, put, erase, touch, evict, purge, sweep, pages, free;
  };
  sqlite::Outcome try_open();
  /// Whether it is ours. @param empty  out: nothing is in it yet
  sqlite::Outcome examine(bool& empty);
  sqlite::Outcome make_schema();
  bool prepare();
  bool begin();
  /// Deletes until `size` more bytes fit.
  sqlite::Outcome make_room(std::uint64_t size);
  void flush_touched();
  void measure();
  /// What follows from a step that did not go well.
  Outcome failed(sqlite::Outcome outcome, const char* doing);
  void close();
  void set_aside();

  std::string path_;
  std::uint64_t size_max_;
  sqlite::Database database_;
  std::optional<Statements> statements_;  // destroyed before the database
  std::vector<std::int64_t> touched_;     // ids in the order in which they were read
  std::int64_t reads_ = 0;                // stands for the time of the last read
  std::uint64_t bytes_ = 0;
  std::uint64_t entries_ = 0;
  std::uint64_t entries_committed_ = 0;
  std::size_t uncommitted_ = 0;
  std::uint64_t lost_ = 0;
  Clock::time_point next_try_{};
  Clock::time_point next_log_{};
};

}  // namespace hawser::store
