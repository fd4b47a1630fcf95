#include "front/http/event_text.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "dialect/merge_delta.hpp"
#include "wire/sse.hpp"

namespace hawser::front::http {
namespace {

constexpr std::size_t merged_max = 4096;

}  // namespace

bool EventText::fits(std::size_t frame, bool named) const {
  const std::size_t needed = frame + (named ? reader_->id().size() + 40 : 0);
  return size_ + needed <= net::BlockPool::block_size;
}

bool EventText::fill(generation::EventRun& run) {
  if (merges_) return take_merged(run);
  if (reader_ == nullptr && take_whole(run)) return true;
  while (run.count > 0) {
    const wire::Frame frame = wire::first_frame(run.bytes);
    const bool named = frame.data && reader_ != nullptr && run.seq != named_;
    if (!fits(frame.size, named)) {
      if (size_ > 0) return true;
      if (named) add_id(named_ = run.seq);
      return false;
    }
    if (named) add_id(run.seq);
    std::memcpy(block_.get() + size_, run.bytes.data(), frame.size);
    size_ += frame.size;
    run.bytes.remove_prefix(frame.size);
    ++run.seq;
    --run.count;
  }
  return true;
}

bool EventText::take_whole(generation::EventRun& run) {
  if (size_ + run.bytes.size() > net::BlockPool::block_size) return false;
  size_ += run.bytes.copy(block_.get() + size_, run.bytes.size());
  run.seq += run.count;
  run.count = 0;
  return true;
}

bool EventText::take_merged(generation::EventRun& run) {
  while (run.count > 0) {
    const std::size_t size = wire::first_frame(run.bytes).size;
    const std::string_view frame = run.bytes.substr(0, size);
    const bool merged = !held_.empty() && held_.size() + size <= merged_max &&
                        dialect::merge_delta(api_, held_, frame);
    if (!merged) {
      if (!finish()) return true;
      if (size > merged_max) {  // nothing to be merged: as it is
        merges_ = false;
        return fill(run);
      }
      held_.assign(frame);
    }
    held_seq_ = run.seq;
    run.bytes.remove_prefix(size);
    ++run.seq;
    --run.count;
  }
  return true;
}

bool EventText::finish() {
  if (held_.empty()) return true;
  const bool named = reader_ != nullptr && wire::first_frame(held_).data;
  if (!fits(held_.size(), named)) return false;
  if (named) add_id(held_seq_);
  std::memcpy(block_.get() + size_, held_.data(), held_.size());
  size_ += held_.size();
  held_.clear();
  return true;
}

/// "id: GENERATION.EPOCH.SEQ"
void EventText::add_id(std::uint64_t seq) {
  constexpr std::string_view start = "id: ";
  const std::string_view id = reader_->id();
  char* at = block_.get() + size_;
  at = std::copy(start.begin(), start.end(), at);
  at = std::copy(id.begin(), id.end(), at);
  *at++ = '.';
  at = std::to_chars(at, at + 10, reader_->epoch()).ptr;
  *at++ = '.';
  at = std::to_chars(at, at + 20, seq).ptr;
  *at++ = '\n';
  size_ = static_cast<std::size_t>(at - block_.get());
}

}  // namespace hawser::front::http
