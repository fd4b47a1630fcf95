#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace hawser::telemetry {

/// One finished exchange. Names come from the configuration, ids from us; no query, body or key.
struct AccessRecord {
  std::int64_t time_us = 0;  // since the epoch
  std::string_view request_id{};
  std::string_view client{};
  std::string_view method{};
  std::string_view path{};  // without its query
  int status = 0;
  std::string_view error{};
  std::string_view model{};
  std::string_view target{};
  std::string_view tenant{};
  std::string_view key{};
  std::uint32_t attempts = 0;
  bool stream = false;
  std::int64_t input_tokens = -1;  // -1: the provider told none
  std::int64_t output_tokens = -1;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::int64_t duration_us = 0;
  std::int64_t first_content_us = -1;  // -1: none came
  std::int64_t overhead_us = -1;       // -1: never reached a provider
  std::uint64_t suppressed = 0;        // lines of the same client that were left out before it

  /// Whether it was answered with a failure and cost nothing but this line.
  bool refused() const { return attempts == 0 && (status >= 400 || !error.empty()); }
};

/// How many refusals of one source are logged. A source is a place in a table of fixed size, found
/// by a hash: whoever makes up sources makes no memory, and those that share a place share its
/// allowance.
class RefusalSampler {
 public:
  struct Rate {
    std::uint32_t burst = 100;
    std::uint32_t per_second = 10;
  };
  explicit RefusalSampler(Rate rate);

  struct Verdict {
    bool logged = true;
    std::uint64_t suppressed = 0;  // since the last one that was logged
  };
  Verdict judge(std::string_view source, std::int64_t now_us);

 private:
  struct Place {
    double left = 0;
    std::int64_t since_us = 0;
    std::uint64_t suppressed = 0;
  };
  static constexpr std::size_t places_count = 512;

  Rate rate_;
  std::uint64_t seed_;
  std::vector<Place> places_;
};

/// Appends the record as one JSON line.
void append_line(const AccessRecord& record, std::string& out);

/// Writes records from a thread of its own: a worker only appends to memory. When the disk cannot
/// keep up, lines beyond the bound are dropped and counted, and nobody waits.
class AccessLog {
 public:
  /// The side of one worker.
  class Writer {
   public:
    void write(const AccessRecord& record);

   private:
    friend class AccessLog;
    explicit Writer(AccessLog& log) : log_(log), refusals_(log.options_.refusals) {}
    AccessLog& log_;
    RefusalSampler refusals_;  // of the worker's thread
    std::mutex mutex_;         // held for one append or one swap
    std::string lines_;
  };

  struct Options {
    std::string where{};        // stdout, stderr, off or a path
    std::size_t queue_max = 0;  // bytes that may wait in each writer
    RefusalSampler::Rate refusals{};
  };
  /// @throws std::runtime_error when the file cannot be opened
  explicit AccessLog(Options options);
  ~AccessLog();  // writes what is left
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  Writer& make_writer();
  /// Opens the path anew (after rotation). The old file stays when that fails.
  /// @return false when it failed
  bool reopen();
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
  /// Refusals that got no line of their own.
  std::uint64_t suppressed() const { return suppressed_.load(std::memory_order_relaxed); }
  const std::string& where() const { return options_.where; }

 private:
  int open_file() const;
  void run();
  void flush();

  Options options_;
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::uint64_t> suppressed_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  int fd_ = -1;
  std::vector<std::unique_ptr<Writer>> writers_;
  std::thread thread_;
};

}  // namespace hawser::telemetry
