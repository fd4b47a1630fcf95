#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "audit/folder.hpp"
#include "base/clock.hpp"

namespace hawser::audit {

/// Writes the log, on a thread of its own: all that waits in one write and one wait for the disk.
/// Nobody waits for it but who asks to.
class Log {
 public:
  struct Options {
    std::string folder{};
    std::string node{};
    std::string witness{};  // file that gets a copy of every root; empty: none
    bool sync = true;       // waits for the disk with every commit
    bool refuse = false;    // what is beyond the bound is kept, for there is no more to come
    milliseconds commit_every{20};
    milliseconds sign_every{1000};
    std::uint32_t sign_lines = 1024;
    std::uint64_t segment_max = 64 * 1024 * 1024;
    milliseconds segment_time{24h};
    std::size_t queue_max = 64 * 1024 * 1024;
    std::uint32_t strangers_a_second = 100;  // records of who has no key
  };
  /// Told of trouble and of its end, on the log's thread.
  using Trouble = std::function<void(const std::string& what)>;
  /// On the log's thread. @param kept  on the disk
  using Told = std::function<void(bool kept)>;

  /// The side of one thread.
  class Inlet {
   public:
    /// Who made what a record is about. Strangers (no key, or a wrong one) can make any number of
    /// records: so many a second are kept and at most a quarter of the queue, beyond it they are
    /// only counted, and they never bring about that others are refused.
    enum class By : std::uint8_t { known, stranger };
    /// @param rest  of a JSON object of one line, behind its "seq"
    void put(std::string_view rest, By by = By::known);
    /// `told` is called once it is on the disk, or cannot be put there.
    void put(std::string_view rest, Told told);

   private:
    friend class Log;
    explicit Inlet(Log& log) : log_(log) {}
    Log& log_;
    std::mutex mutex_;  // held for one append or one swap
    std::string lines_{};
    std::uint64_t count_ = 0;
    std::size_t strangers_ = 0;  // bytes of lines_
    std::vector<Told> told_{};
  };

  /// @throws std::runtime_error when the folder cannot be used, or another process writes it
  Log(Options options, const MasterKey& key, Trouble trouble);
  ~Log();  // writes what is left, and a stop
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  Inlet& make_inlet();
  /// The rule is `refuse`: what cannot be recorded is not to be.
  bool must_keep() const { return options_.refuse; }
  /// That rule applies: no exchange shall begin now. Thread-safe.
  bool refuses() const { return refuses_.load(std::memory_order_relaxed); }
  /// An exchange was refused for it, and has no record of its own.
  void count_refused() { refused_.fetch_add(1, std::memory_order_relaxed); }

  struct Figures {
    std::uint64_t records = 0;  // on the disk
    std::uint64_t waiting = 0;  // bytes
    std::uint64_t dropped = 0;
    std::uint64_t refused = 0;
    std::uint64_t errors = 0;          // tries to write that failed
    std::uint64_t witness_errors = 0;  // roots that the witness did not get
    std::uint64_t signed_through = 0;
    double lag = 0;  // seconds since the oldest record waits
  };
  Figures figures() const;

 private:
  struct Batch {
    std::string lines{};
    std::uint64_t count = 0;
    std::size_t strangers = 0;  // bytes of lines
    std::vector<Told> told{};
  };
  bool has_room_for_stranger();
  void lock_folder();
  void start(Resumed resumed);
  void run();
  bool collect(Batch& batch);
  void encode(const Batch& batch);
  void add_gap();
  void sign();
  void rotate_if_due();
  void begin_segment(const SegmentHead& head);
  bool commit();
  std::string write_block();
  void give_to_witness();
  void settle(Batch& batch, bool kept);
  void wait_for_work(Clock::time_point until);

  Options options_;
  SigningKey key_;
  Trouble trouble_;
  int lock_fd_ = -1;
  std::unique_ptr<Chain> chain_{};

  // Of the log's thread.
  int fd_ = -1;
  std::uint64_t offset_ = 0;          // where the block goes
  std::string block_{};               // encoded, not on the disk yet
  std::vector<std::string> roots_{};  // signed in that block
  std::string unwitnessed_{};
  std::uint64_t opening_ = 0;  // number of a segment that is to be made first; 0: none
  Clock::time_point segment_begun_{};
  Clock::time_point signed_at_{};
  bool troubled_ = false;
  bool witness_troubled_ = false;

  std::atomic<bool> refuses_{false};
  std::atomic<std::size_t> waiting_{0};
  std::atomic<std::size_t> strangers_{0};  // bytes of what waits
  std::atomic<std::int64_t> stranger_second_{0};
  std::atomic<std::uint32_t> strangers_now_{0};  // their records in that second
  std::atomic<std::int64_t> oldest_{0};          // when what waits began to; 0: nothing does
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> records_{0};
  std::atomic<std::uint64_t> errors_{0};
  std::atomic<std::uint64_t> witness_errors_{0};
  std::atomic<std::uint64_t> signed_through_{0};
  std::uint64_t dropped_told_ = 0;
  std::uint64_t refused_told_ = 0;
  std::uint64_t signed_in_block_ = 0;

  std::mutex mutex_;  // of the inlets' list and the wake-up
  std::condition_variable wake_;
  std::vector<std::unique_ptr<Inlet>> inlets_{};
  std::atomic<bool> asleep_{false};
  bool urgent_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace hawser::audit
