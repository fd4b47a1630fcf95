#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "net/byte_budget.hpp"

namespace hawser::generation {

/// Events in a row as the provider sent them: of an event stream whole frames, else any bytes.
struct EventRun {
  std::uint64_t seq = 0;    // of the first; dense, from 0, never used again
  std::uint32_t count = 0;  // at least 1
  std::string_view bytes{};
};

/// The events of one generation, in order. Appending never moves what is there: views live until
/// their segment is dropped. One writer, any number of positions, one thread.
class Log {
 public:
  /// @param lease  takes what it holds
  explicit Log(net::ByteLease lease = {}) : lease_(std::move(lease)) {}
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log();

  /// @param count  events in `bytes`, which are whole frames when there is more than one
  void append(std::string_view bytes, std::uint32_t count);

  std::uint64_t first() const { return first_ == nullptr ? next_ : first_->first_seq; }
  std::uint64_t next() const { return next_; }  // seq of the event to come
  std::size_t memory() const { return lease_.bytes(); }
  /// Whether the budget refused it memory since it last gave some back: it then holds a segment
  /// beyond it for what had come already, and should not be given more before something was read.
  bool short_of_memory() const { return short_of_memory_; }
  bool belongs_to(const net::KeyBytes* key) const { return lease_.belongs_to(key); }

  /// Asks for the memory that the next append() writes to; first for the header that tells where.
  void prefetch(bool header) const;

  /// Where a reader stands.
  struct Position {
    std::uint64_t seq = 0;  // of the event that comes next
    const void* segment = nullptr;
    std::uint32_t offset = 0;
    std::uint32_t skip = 0;  // events of the run there that come before `seq`
  };
  /// The place in front of `seq`, which is kept or to come: first() <= seq <= next().
  Position at(std::uint64_t seq) const;
  /// The events at `position` that were appended together; it moves on. False: none is there yet.
  bool take(Position& position, EventRun& out) const;

  /// Lets whole segments go whose events are all before `seq`, where the slowest position stands.
  void drop_before(std::uint64_t seq);

 private:
  // Runs stand in a segment behind each other, each after its size and count: eight bytes.
  struct Prefix {
    std::uint32_t size;
    std::uint32_t count;
  };
  struct Segment {
    std::uint64_t first_seq;
    std::uint32_t used;
    std::uint32_t capacity;
    Segment* next;
    char* bytes() { return reinterpret_cast<char*>(this + 1); }
    const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  };
  Segment* add_segment(std::size_t needed);

  Segment* first_ = nullptr;
  Segment* last_ = nullptr;
  std::uint64_t next_ : 63 = 0;
  std::uint64_t short_of_memory_ : 1 = 0;
  net::ByteLease lease_;
};

}  // namespace hawser::generation
