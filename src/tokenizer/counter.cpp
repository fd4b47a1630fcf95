#include "tokenizer/counter.hpp"

#include <algorithm>

namespace hawser::tokenizer {
namespace {

constexpr std::size_t look_after = 256;      // bytes; fewer are not worth the trouble
constexpr std::size_t kept_max = 32 * 1024;  // a worker has other texts

}  // namespace

void Counter::append(std::string_view bytes) {
  repair_.append(bytes, tail_);
  if (tail_.size() < look_at_) return;
  const auto settled = tokenizer_.count_settled(tail_);
  settled_ += settled.tokens;
  tail_.erase(0, settled.bytes);
  if (tail_.size() >= kept_max) {
    settled_ += tokenizer_.count(tail_);
    tail_.clear();
  }
  // A word without end is looked at again only when twice as long: the time stays linear.
  look_at_ = std::min(2 * tail_.size() + look_after, kept_max);
}

std::size_t Counter::total() const {
  std::string rest = tail_;
  Utf8Repair(repair_).finish(rest);
  return settled_ + tokenizer_.count(rest);
}

}  // namespace hawser::tokenizer
