#include "generation/log.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace hawser::generation {
namespace {

// Many generations are silent for long or short for ever: the first segment is small.
constexpr std::size_t first_capacity = 256;
constexpr std::size_t capacity_max = 16'384;
constexpr std::uint32_t data_flag = 0x80000000;

}  // namespace

Log::~Log() {
  drop_before(next_);
  if (first_ != nullptr) ::operator delete(first_);
}

Log::Segment* Log::add_segment(std::size_t needed) {
  const std::size_t usual =
      first_ == nullptr ? first_capacity : std::min<std::size_t>(4 * last_->capacity, capacity_max);
  const std::size_t capacity = std::max(usual, needed);
  auto* segment = new (::operator new(sizeof(Segment) + capacity))
      Segment{next_, 0, static_cast<std::uint32_t>(capacity), nullptr};
  memory_ += sizeof(Segment) + capacity;
  (first_ == nullptr ? first_ : last_->next) = segment;
  return last_ = segment;
}

void Log::append(std::string_view bytes, bool data) {
  const std::size_t needed = sizeof(std::uint32_t) + bytes.size();
  Segment* segment = last_;
  if (segment == nullptr || segment->capacity - segment->used < needed)
    segment = add_segment(needed);
  const std::uint32_t size = static_cast<std::uint32_t>(bytes.size()) | (data ? data_flag : 0);
  char* const at = segment->bytes() + segment->used;
  std::memcpy(at, &size, sizeof size);
  std::memcpy(at + sizeof size, bytes.data(), bytes.size());
  segment->used += static_cast<std::uint32_t>(needed);
  ++next_;
}

Log::Position Log::at(std::uint64_t seq) const {
  const Segment* segment = first_;
  while (segment != nullptr && segment->next != nullptr && segment->next->first_seq <= seq) {
    segment = segment->next;
  }
  Position position{segment == nullptr ? seq : segment->first_seq, segment, 0};
  Event skipped;
  while (position.seq < seq && take(position, skipped)) {
  }
  return position;
}

bool Log::take(Position& position, Event& out) const {
  if (position.seq >= next_) return false;
  const auto* segment = static_cast<const Segment*>(position.segment);
  if (segment == nullptr) segment = first_;
  if (position.offset == segment->used) {
    segment = segment->next;
    position.offset = 0;
  }
  std::uint32_t size = 0;
  const char* const at = segment->bytes() + position.offset;
  std::memcpy(&size, at, sizeof size);
  out.seq = position.seq;
  out.data = (size & data_flag) != 0;
  out.bytes = {at + sizeof size, size & ~data_flag};
  position.segment = segment;
  position.offset += static_cast<std::uint32_t>(sizeof size + out.bytes.size());
  ++position.seq;
  return true;
}

void Log::drop_before(std::uint64_t seq) {
  // A position in front of `seq` may still stand at the end of the segment before it.
  while (first_ != nullptr && first_ != last_ && first_->next->first_seq < seq) {
    Segment* const gone = std::exchange(first_, first_->next);
    memory_ -= sizeof(Segment) + gone->capacity;
    ::operator delete(gone);
  }
}

}  // namespace hawser::generation
