#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace hawser::store {

/// What one attempt used and cost.
struct LedgerRow {
  std::int64_t time_us = 0;  // when it was over; since the epoch
  std::string request_id{};
  std::uint32_t attempt = 0;  // of its exchange, from 1
  std::string tenant{};
  std::string team{};
  std::string key{};
  std::string user{};
  std::string model{};  // as clients name it
  std::string target{};
  std::string provider{};
  std::string upstream_model{};
  std::string operation{};  // chat, image_generation, ...
  std::string address{};    // of who asked; empty where no budget is by address
  std::uint32_t input = 0;
  std::uint32_t cached = 0;
  std::uint32_t cache_write = 0;
  std::uint32_t output = 0;
  std::uint32_t reasoning = 0;
  std::uint32_t cache_write_long = 0;  // of cache_write
  std::uint32_t audio_input = 0;       // of the input
  std::uint32_t audio_output = 0;
  std::uint32_t image_input = 0;
  std::uint32_t image_output = 0;
  std::uint32_t images = 0;      // pictures that were made
  std::uint32_t audio_ms = 0;    // length of the audio
  std::uint32_t characters = 0;  // of the text that was spoken
  std::uint32_t searches = 0;
  std::string service_tier{};   // standard, flex, ...; empty: nothing was served
  std::string source{};         // provider | estimated | none
  std::string price_version{};  // empty: no price is known
  std::int64_t cost = 0;        // billionths of a US dollar
  std::string outcome{};        // done | aborted | the type of the error
};

/// The immutable record of what every attempt used: an SQLite file, written by a thread of its own,
/// all that waits in one transaction. What is committed survives the process however it ends; what
/// the operating system has not written yet does not survive a loss of power, unless `sync`.
///
/// When the file cannot be written (a full disk), serving goes on: rows wait in memory, up to
/// `waiting_max`, and are tried again every second; beyond that the newest are dropped and counted.
class Ledger {
 public:
  struct Options {
    std::string path{};
    bool sync = false;  // waits for the disk with every commit
    std::size_t waiting_max = 100'000;
  };
  /// Told of trouble and of its end, on the ledger's thread.
  using Trouble = std::function<void(const std::string& what)>;

  /// @throws std::runtime_error when the file cannot be opened or is no ledger
  Ledger(Options options, Trouble trouble);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  /// Thread-safe; never waits for the disk.
  void append(LedgerRow row);
  /// Waits until all that was appended is committed. @return false: not within `patience`
  bool flush(milliseconds patience);

  /// Calls `each` with the sums of cost since that time by who asked: the row's names and its cost.
  /// To be called before anything is appended.
  void sum_since(std::int64_t time_us, const std::function<void(const LedgerRow& sums)>& each);

  struct Figures {
    std::uint64_t committed = 0;
    std::uint64_t waiting = 0;
    std::uint64_t dropped = 0;
    std::map<std::pair<std::string, std::string>, std::int64_t> cost{};  // by model and provider
  };
  Figures figures() const;

 private:
  struct Close {
    void operator()(sqlite3* database) const;
    void operator()(sqlite3_stmt* statement) const;
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Close>;

  void open();
  void add_missing_columns() const;
  void execute(const char* sql) const;
  Statement prepare(const char* sql) const;
  void run();
  /// All or none. @return what went wrong; empty: nothing
  std::string commit(const std::deque<LedgerRow>& rows);
  void insert(const LedgerRow& row);

  Options options_;
  Trouble trouble_;
  std::unique_ptr<sqlite3, Close> database_;
  Statement insert_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable settled_;
  std::deque<LedgerRow> waiting_;
  std::size_t writing_ = 0;
  Figures figures_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace hawser::store
