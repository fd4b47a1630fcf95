#include "front/grpc/rpc.hpp"

#include <algorithm>
#include <cstring>

namespace hawser::front::grpc {

using net::IoStatus;

namespace {

Ending unreadable(MessageDecoder::Next::Kind kind) {
  using Kind = MessageDecoder::Next::Kind;
  switch (kind) {
    case Kind::none:
    case Kind::message:
      break;
    case Kind::compressed:
      return {Status::unimplemented,
              "The grpc-encoding of the message is not known here; see grpc-accept-encoding."};
    case Kind::malformed:
      return {Status::internal,
              "What came is no message: its first byte is neither 0 nor 1, or it is not of its "
              "grpc-encoding."};
    case Kind::too_large:
      return {Status::resource_exhausted, "The message is larger than grpc.message_max."};
    case Kind::no_room:
      return {Status::resource_exhausted,
              "The requests of this connection hold all the memory that "
              "limits.memory.per_connection gives it."};
  }
  return {};
}

}  // namespace

// --- in

Task<std::optional<Rpc::Message>> Rpc::read() {
  using Kind = MessageDecoder::Next::Kind;
  while (!closed()) {
    auto next = decoder_.next();
    if (next.kind == Kind::message) {
      taken(next.size - std::min(ahead_, next.size));
      ahead_ -= std::min(ahead_, next.size);
      co_return Message{std::move(next.bytes), std::move(next.held)};
    }
    if (next.kind != Kind::none) {
      end(unreadable(next.kind));
      break;
    }
    if (input_over_) break;
    // What is there belongs to the message that is waited for: the rest of it may come.
    taken(decoder_.waiting() - ahead_);
    ahead_ = decoder_.waiting();
    if (co_await reading_.wait(Clock::time_point::max()) == IoStatus::cancelled) break;
  }
  co_return std::nullopt;
}

void Rpc::taken(std::size_t bytes) {
  if (bytes > 0 && on_taken) on_taken(bytes);
}

void Rpc::take_in(std::string_view bytes) {
  if (closed()) return taken(bytes.size());
  decoder_.feed(bytes);
  reading_.complete(IoStatus::ok);
}

void Rpc::end_of_input() {
  input_over_ = true;
  reading_.complete(IoStatus::ok);
}

// --- out

void Rpc::append(std::string_view message) {
  char prefix[MessageDecoder::prefix_size] = {0};
  for (std::size_t i = 0; i < 4; ++i) {
    prefix[1 + i] = static_cast<char>(message.size() >> (8 * (3 - i)) & 0xff);
  }
  if (drained()) progressed_ = reactor_.now();
  out_.append(prefix, sizeof prefix).append(message);
  if (on_output) on_output();
}

// Not a coroutine: nearly always there is room.
Task<bool> Rpc::write(std::string_view message) {
  if (closed()) return false;
  if (!has_room() || !writing_.empty()) return write_later(message);
  append(message);
  return true;
}

Task<bool> Rpc::write_later(std::string_view message) {
  const bool may = co_await wait_for_turn();
  if (!may) co_return false;
  append(message);
  if (has_room() && !writing_.empty()) writing_.front()->complete(IoStatus::ok);
  co_return true;
}

/// Behind those that wait already. False: the call is closed, or its client takes nothing.
Task<bool> Rpc::wait_for_turn() {
  net::Waiter turn(reactor_);
  struct InLine {
    std::deque<net::Waiter*>& line;
    net::Waiter* place;
    ~InLine() { std::erase(line, place); }
  };
  writing_.push_back(&turn);
  const InLine in_line{writing_, &turn};
  while (!closed() && !(has_room() && writing_.front() == &turn)) {
    const auto by = std::max(progressed_ + write_timeout_, reactor_.now() + 1ms);
    const IoStatus waited = co_await turn.wait(by);
    if (waited == IoStatus::cancelled) co_return false;
    if (waited == IoStatus::timeout && reactor_.now() >= progressed_ + write_timeout_) {
      finish(Over::lost);  // its connection may live, but nobody reads this call
    }
  }
  co_return !closed();
}

std::size_t Rpc::take_out(char* to, std::size_t size) {
  const std::size_t taken_out = std::min(size, out_.size() - out_at_);
  std::memcpy(to, out_.data() + out_at_, taken_out);
  out_at_ += taken_out;
  if (taken_out > 0) progressed_ = reactor_.now();
  if (drained()) {
    out_.clear();
    if (out_.capacity() > 4096) std::string().swap(out_);
    out_at_ = 0;
  } else if (out_at_ >= room_max) {
    out_.erase(0, std::exchange(out_at_, 0));
  }
  if (has_room() && !writing_.empty()) writing_.front()->complete(IoStatus::ok);
  return taken_out;
}

// --- its end

/// Who waits finds that there is nothing to wait for.
void Rpc::wake_all() {
  decoder_.clear();
  ahead_ = 0;
  reading_.complete(IoStatus::ok);
  while (!writing_.empty()) {
    net::Waiter* const first = writing_.front();
    writing_.pop_front();
    first->complete(IoStatus::ok);
  }
}

void Rpc::end(Ending ending) {
  if (closed()) return;
  ending_ = std::move(ending);
  taken(decoder_.waiting() - ahead_);
  if (on_output) on_output();
  wake_all();
}

void Rpc::finish(Over how) {
  if (std::exchange(over_, true)) return;
  how_ = how;
  on_output = nullptr;
  on_taken = nullptr;
  if (how != Over::late) {  // else its status follows what is on its way
    std::string().swap(out_);
    out_at_ = 0;
  }
  const auto told = std::exchange(on_over, nullptr);
  if (told && how != Over::no) told(how);
  wake_all();
}

}  // namespace hawser::front::grpc
