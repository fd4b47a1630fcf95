#include "front/grpc/rpc.hpp"

#include <algorithm>
#include <cstring>

namespace hawser::front::grpc {
namespace {

constexpr std::size_t prefix_size = 5;  // a flag and the length, big-endian

}  // namespace

Task<std::optional<std::string>> Rpc::read() {
  for (;;) {
    if (!messages_.empty()) {
      std::optional<std::string> message(std::move(messages_.front()));
      messages_.pop_front();
      co_return message;
    }
    if (input_over_ || over_) co_return std::nullopt;
    co_await waiter_.wait(Clock::time_point::max());
  }
}

void Rpc::write(std::string_view message) {
  if (over_ || ending_) return;
  char prefix[prefix_size] = {0};
  for (std::size_t i = 0; i < 4; ++i) {
    prefix[1 + i] = static_cast<char>(message.size() >> (8 * (3 - i)) & 0xff);
  }
  out_.append(prefix, prefix_size).append(message);
  if (on_output) on_output();
}

Task<bool> Rpc::room() {
  while (!has_room()) co_await waiter_.wait(Clock::time_point::max());
  co_return !over_;
}

void Rpc::end(Ending ending) {
  if (over_ || ending_) return;
  ending_ = std::move(ending);
  if (on_output) on_output();
}

bool Rpc::take_in(std::string_view bytes, std::size_t message_max) {
  in_.append(bytes);
  std::size_t at = 0;
  while (in_.size() - at >= prefix_size) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < 4; ++i)
      size = size << 8 | static_cast<unsigned char>(in_[at + 1 + i]);
    if (in_[at] != 0 || size > message_max) return false;  // compressed: never offered
    if (in_.size() - at - prefix_size < size) break;
    messages_.push_back(in_.substr(at + prefix_size, size));
    at += prefix_size + size;
  }
  in_.erase(0, at);
  if (!messages_.empty()) news();
  return true;
}

void Rpc::end_of_input() {
  input_over_ = true;
  news();
}

void Rpc::finish(Over how) {
  if (std::exchange(over_, true)) return;
  how_ = how;
  on_output = nullptr;
  const auto told = std::exchange(on_over, nullptr);
  if (told && how != Over::no) told(how);
  news();
}

std::size_t Rpc::take_out(char* to, std::size_t size) {
  const std::size_t taken = std::min(size, out_.size() - out_at_);
  std::memcpy(to, out_.data() + out_at_, taken);
  out_at_ += taken;
  if (drained()) {
    out_.clear();
    if (out_.capacity() > 4096) std::string().swap(out_);
    out_at_ = 0;
  }
  if (has_room()) news();
  return taken;
}

}  // namespace hawser::front::grpc
