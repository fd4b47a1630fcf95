#include "front/websocket/connection.hpp"

#include <algorithm>

namespace hawser::front::websocket {

using net::IoStatus;
using wire::WsEvent;
using wire::WsOpcode;

namespace {

constexpr auto close_patience = 3s;
constexpr int reads_in_a_row = 8;  // some 256 KiB, then others have their turn

}  // namespace

Connection::Connection(net::Stream& stream, net::InBuffer& in, const WebSocketConfig& config,
                       milliseconds write_timeout, net::ConnectionBudget budget)
    : stream_(stream),
      in_(in),
      config_(config),
      write_timeout_(write_timeout),
      budget_(std::move(budget)),
      message_(budget_.share()),
      decoder_(wire::WsSide::server, config.message_max.count()) {}

Connection::~Connection() {
  stream_.reactor().leave_line(*this);
}

Task<> Connection::run(Protocol& protocol) {
  protocol_ = &protocol;
  heard_ = progressed_ = stream_.reactor().now();
  protocol.opened();
  for (int reads = 1;; ++reads) {
    decode();
    if (over_) break;
    if (!has_room()) {
      const bool goes_on = co_await pause();
      if (!goes_on) break;
      continue;
    }
    const IoStatus status = stream_.read_now(in_);
    if (status == IoStatus::ok) {
      heard_ = stream_.reactor().now();
      keepalive_.heard(heard_);
      pinged_ = false;
      if (reads % reads_in_a_row != 0) continue;
      if (!attend()) break;  // also where there is always something to read
      co_await yield();
      continue;
    }
    if (status != IoStatus::would_block) break;
    flush();
    if (over_ || !attend()) break;
    in_.release_if_empty();
    if (co_await stream_.wait(net::Channel::Want::either, next_deadline()) == IoStatus::cancelled) {
      break;
    }
  }
  flush();
  over_ = true;
  protocol.closed(code_);
  co_await protocol.finished();
}

/// There is no room for an answer: nothing is read until the client took something. False: the
/// connection is over.
Task<bool> Connection::pause() {
  flush();
  if (over_) co_return false;
  if (has_room()) co_return true;
  heard_ = stream_.reactor().now();  // its silence is not judged while nobody listens
  keepalive_.heard(heard_);
  if (!attend()) co_return false;
  const auto waited = co_await stream_.wait(net::Channel::Want::either, next_deadline());
  co_return waited != IoStatus::cancelled && !over_;
}

/// Lets others have their turn.
Task<> Connection::yield() {
  net::Waiter turn(stream_.reactor());
  stream_.reactor().post([&turn] { turn.complete(IoStatus::ok); });
  co_await turn.wait(Clock::time_point::max());
}

void Connection::decode() {
  std::string_view bytes = in_.view();
  while (!over_ && has_room()) {
    const WsEvent event = decoder_.next(bytes);
    if (event.kind == WsEvent::Kind::none) break;
    handle(event);
  }
  in_.consume(over_ ? in_.size() : in_.size() - bytes.size());
  account_for_message();
}

/// What came of a message is held until it is whole, however long that takes. Its client may not
/// make us hold more than it is given.
void Connection::account_for_message() {
  const std::size_t held = decoder_.held();
  if (held < message_.size()) message_.release();
  if (over_ || message_.grow_to(held)) return;
  close(wire::ws_close::try_again_later, "limits.memory has no room for this message");
  flush();
  over_ = true;
}

void Connection::handle(const WsEvent& event) {
  switch (event.kind) {
    case WsEvent::Kind::none:
      break;
    case WsEvent::Kind::text:
      if (!closing_) protocol_->received(event.payload);
      break;
    case WsEvent::Kind::binary:
      close(1003, "only text messages are understood here");
      break;
    case WsEvent::Kind::ping:
      if (!closing_) {
        wire::append_ws_frame(out_, WsOpcode::pong, event.payload, std::nullopt);
        soon();
      }
      break;
    case WsEvent::Kind::pong:
      break;
    case WsEvent::Kind::close:
      code_ = event.code;
      close(event.code == wire::ws_close::no_status ? wire::ws_close::normal : event.code, "");
      flush();
      over_ = true;
      break;
    case WsEvent::Kind::broken:
      code_ = wire::ws_close::lost;
      close(protocol_->code_for(event.code), event.payload);
      flush();
      over_ = true;
      break;
  }
}

void Connection::send_parts(std::string_view a, std::string_view b, std::string_view c) {
  const std::size_t size = a.size() + b.size() + c.size();
  if (closing() || !has_room_for(size)) return;
  char head[wire::ws_head_max];
  out_.append(head, wire::write_ws_head(head, WsOpcode::text, size));
  out_.append(a).append(b).append(c);
  soon();
}

/// False: too much waits for a client that does not read; the connection ends. Where there is room,
/// a single message may be of any size.
bool Connection::has_room_for(std::size_t bytes) {
  if (stuck_) return false;
  if (has_room() || queued() + bytes <= config_.queued_max.count()) return true;
  stuck_ = true;
  wake();
  return false;
}

void Connection::close(std::uint16_t code, std::string_view reason) {
  if (closing()) return;
  wire::append_ws_frame(out_, WsOpcode::close, wire::ws_close_payload(code, reason), std::nullopt);
  closing_ = true;
  close_by_ = stream_.reactor().now() + close_patience;
  soon();
  wake();
}

/// At the end of this turn of the loop, or now where there is none.
void Connection::soon() {
  keepalive_.said(stream_.reactor().now());
  if (flushing_) return;
  if (stream_.reactor().busy()) {
    stream_.reactor().join_line(*this);
  } else {
    flush();
  }
}

void Connection::flush() {
  if (flushing_ || over_) return;
  flushing_ = true;
  for (;;) {
    while (queued() > 0 || !stream_.flushed()) {
      const std::string_view rest = std::string_view(out_).substr(out_at_);
      const net::IoResult sent = stream_.try_write({&rest, 1});
      if (sent.status == IoStatus::would_block) break;
      if (sent.status != IoStatus::ok) {
        over_ = true;
        break;
      }
      out_at_ += sent.bytes;
      progressed_ = stream_.reactor().now();  // TLS takes one record at a time
    }
    if (queued() == 0) {
      progressed_ = stream_.reactor().now();
      out_at_ = 0;
      out_.clear();
    }
    if (!has_room() || protocol_ == nullptr) break;
    const std::size_t before = out_.size();
    protocol_->drained();
    if (out_.size() == before) break;
  }
  if (out_.empty() && out_.capacity() > 4096) std::string().swap(out_);  // silence holds none
  if (out_at_ > room_max) out_.erase(0, std::exchange(out_at_, 0));
  flushing_ = false;
  if (over_) stream_.cancel();
}

/// Looks at the deadlines. False: the connection is dead.
bool Connection::attend() {
  const auto now = stream_.reactor().now();
  if (now >= close_by_ || stuck_) return false;
  if (queued() > 0 && now - progressed_ >= write_timeout_) return false;
  if (now - heard_ >= 2 * config_.heartbeat + config_.heartbeat / 6) return false;
  if (now - heard_ >= config_.heartbeat && !closing_ && !std::exchange(pinged_, true)) ping();
  if (!closing_) attend_at_ = protocol_->attend(now);
  return closing_ || keep_alive(now);
}

/// Keeps what was promised in hello and welcome. False: the client did not.
bool Connection::keep_alive(Clock::time_point now) {
  const milliseconds promised = protocol_->keepalive();
  if (promised == 0ms) {
    keepalive_.end();
  } else if (!keepalive_.active()) {
    keepalive_.begin(now, config_.keepalive, promised);
  }
  const auto step = keepalive_.step(now);
  if (step == Keepalive::Step::dead) return false;
  // What is queued already will be heard when the client takes it; more would only pile up.
  if (step != Keepalive::Step::wait && queued() == 0) ping();
  return true;
}

void Connection::ping() {
  wire::append_ws_frame(out_, WsOpcode::ping, "", std::nullopt);
  flush();
}

Clock::time_point Connection::next_deadline() const {
  auto next =
      heard_ + (pinged_ ? 2 * config_.heartbeat + config_.heartbeat / 6 : config_.heartbeat);
  next = std::min(next, close_by_);
  if (queued() > 0) next = std::min<Clock::time_point>(next, progressed_ + write_timeout_);
  if (!closing_) next = std::min({next, attend_at_, keepalive_.next()});
  return next;
}

}  // namespace hawser::front::websocket
