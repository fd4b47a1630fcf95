#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

namespace hawser::generation {

/// One entry of a log: a frame as the provider sent it.
struct Event {
  std::uint64_t seq = 0;     // dense, from 0, never used again
  bool data = false;         // false: comments only, which no client counts as an event
  std::string_view bytes{};  // for an event stream: the lines and the empty line that ends them
};

/// The events of one generation, in order. Appending never moves what is there: views live until
/// their segment is dropped. One writer, any number of positions, one thread.
class Log {
 public:
  static constexpr std::size_t event_max = 0x7fffffff;

  Log() = default;
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log();

  void append(std::string_view bytes, bool data);

  std::uint64_t first() const { return first_ == nullptr ? next_ : first_->first_seq; }
  std::uint64_t next() const { return next_; }  // seq of the event to come
  std::size_t memory() const { return memory_; }

  /// Where a reader stands.
  struct Position {
    std::uint64_t seq = 0;  // of the event that comes next
    const void* segment = nullptr;
    std::uint32_t offset = 0;
  };
  /// The place in front of `seq`, which is kept or to come: first() <= seq <= next().
  Position at(std::uint64_t seq) const;
  /// The event at `position`, which moves on; false: none is there yet.
  bool take(Position& position, Event& out) const;

  /// Lets whole segments go whose events are all before `seq`, where the slowest position stands.
  void drop_before(std::uint64_t seq);

 private:
  // Events stand in a segment behind each other, each after its size and kind: four bytes each.
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
  std::uint64_t next_ = 0;
  std::size_t memory_ = 0;
};

}  // namespace hawser::generation
