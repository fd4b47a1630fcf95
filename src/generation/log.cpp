#include "generation/log.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "net/reactor.hpp"
#include "wire/sse.hpp"

namespace hawser::generation {
namespace {

// Many generations are silent for long or short for ever: the first segment holds little more than
// what came first.
constexpr std::size_t first_capacity = 64;
constexpr std::size_t capacity_max = 32'768;

/// Segments of the largest usual size, used again on the same thread: streams at full speed take
/// and drop thousands a second.
struct Spare {
  static constexpr std::size_t kept_max = 256;
  void* kept[kept_max];
  std::size_t count;
};
constinit thread_local Spare spare{};

void* take_memory(std::size_t capacity, std::size_t size) {
  if (capacity == capacity_max && spare.count > 0) return spare.kept[--spare.count];
  return ::operator new(size);
}
void give_memory(void* memory, std::size_t capacity) {
  if (capacity == capacity_max && spare.count < Spare::kept_max) {
    spare.kept[spare.count++] = memory;
  } else {
    ::operator delete(memory);
  }
}

}  // namespace

Log::~Log() {
  drop_before(next_);
  if (first_ != nullptr) give_memory(first_, first_->capacity);
}

Log::Segment* Log::add_segment(std::size_t needed) {
  const std::size_t usual =
      first_ == nullptr ? first_capacity : std::min<std::size_t>(4 * last_->capacity, capacity_max);
  std::size_t capacity = std::max(usual, needed);
  short_of_memory_ = !lease_.try_grow(sizeof(Segment) + capacity);
  if (short_of_memory_) {
    capacity = needed;  // what is here already is kept, and no room beside it
    lease_.force(sizeof(Segment) + capacity);
  }
  auto* segment = new (take_memory(capacity, sizeof(Segment) + capacity))
      Segment{next_, 0, static_cast<std::uint32_t>(capacity), nullptr};
  (first_ == nullptr ? first_ : last_->next) = segment;
  return last_ = segment;
}

void Log::append(std::string_view bytes, std::uint32_t count) {
  const std::size_t needed = sizeof(Prefix) + bytes.size();
  Segment* segment = last_;
  if (segment == nullptr || segment->capacity - segment->used < needed)
    segment = add_segment(needed);
  const Prefix prefix{static_cast<std::uint32_t>(bytes.size()), count};
  char* const at = segment->bytes() + segment->used;
  std::memcpy(at, &prefix, sizeof prefix);
  bytes.copy(at + sizeof prefix, bytes.size());
  segment->used += static_cast<std::uint32_t>(needed);
  next_ += count;
}

void Log::prefetch(bool header) const {
  if (last_ == nullptr) return;
  net::Companion::fetch(header ? last_->bytes() - sizeof(Segment) : last_->bytes() + last_->used,
                        header ? sizeof(Segment) : 320);
}

Log::Position Log::at(std::uint64_t seq) const {
  const Segment* segment = first_;
  while (segment != nullptr && segment->next != nullptr && segment->next->first_seq <= seq) {
    segment = segment->next;
  }
  Position position{segment == nullptr ? seq : segment->first_seq, segment, 0, 0};
  for (;;) {
    const Position before = position;
    EventRun run;
    if (position.seq == seq || !take(position, run)) return position;
    if (position.seq <= seq) continue;
    position = before;
    position.skip = static_cast<std::uint32_t>(seq - before.seq);
    position.seq = seq;
    return position;
  }
}

bool Log::take(Position& position, EventRun& out) const {
  if (position.seq >= next_) return false;
  const auto* segment = static_cast<const Segment*>(position.segment);
  if (segment == nullptr) segment = first_;
  if (position.offset == segment->used) {
    segment = segment->next;
    position.offset = 0;
  }
  Prefix prefix;
  const char* const at = segment->bytes() + position.offset;
  std::memcpy(&prefix, at, sizeof prefix);
  out = {position.seq, prefix.count, {at + sizeof prefix, prefix.size}};
  for (; position.skip > 0; --position.skip) {
    out.bytes.remove_prefix(wire::first_frame(out.bytes).size);
    --out.count;
  }
  position.segment = segment;
  position.offset += static_cast<std::uint32_t>(sizeof prefix + prefix.size);
  position.seq += out.count;
  return true;
}

void Log::drop_before(std::uint64_t seq) {
  // A position in front of `seq` may still stand at the end of the segment before it.
  while (first_ != nullptr && first_ != last_ && first_->next->first_seq < seq) {
    Segment* const gone = std::exchange(first_, first_->next);
    lease_.shrink(sizeof(Segment) + gone->capacity);
    short_of_memory_ = false;
    give_memory(gone, gone->capacity);
  }
}

}  // namespace hawser::generation
