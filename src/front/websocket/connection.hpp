#pragma once

#include <string>
#include <string_view>

#include "base/keepalive.hpp"
#include "front/websocket/config.hpp"
#include "net/connection_budget.hpp"
#include "net/stream.hpp"
#include "wire/websocket.hpp"

namespace hawser::front::websocket {

/// What is spoken over a WebSocket connection. All calls come from the connection's own thread.
class Protocol {
 public:
  virtual ~Protocol() = default;

  /// The handshake is done.
  virtual void opened() {}
  /// One whole text message.
  virtual void received(std::string_view text) = 0;
  /// There is room for more again.
  virtual void drained() = 0;
  /// Looks at its deadlines. @return when it wants to look again
  virtual Clock::time_point attend(Clock::time_point now) = 0;
  /// How often the client promised to be heard from, as we promised it, while requests of it are
  /// open; 0: none is, or it promised nothing.
  virtual milliseconds keepalive() const { return milliseconds(0); }
  /// The process ends soon.
  virtual void drain() = 0;
  /// The connection is over. @param code  of the client's close; 1006: it was lost
  virtual void closed(std::uint16_t code) = 0;
  /// Until nothing of it runs any more.
  virtual Task<> finished() = 0;
  /// Whether its client has shown a key by now, or needs none.
  virtual bool known_client() const { return true; }
  /// The code that a broken rule of RFC 6455 is told with.
  virtual std::uint16_t code_for(std::uint16_t code) const { return code; }
};

/// A WebSocket connection behind its handshake: messages in, text messages out, heartbeats, the
/// closing handshake. What it sends leaves together with what others say in the same turn of the
/// loop.
///
/// What waits to be sent is bounded by construction, whoever writes: no message of the client is
/// handed out while there is no room for an answer, answers that come by themselves ask has_room()
/// first, and beyond `queued_max` the connection ends.
class Connection final : private net::Turn {
 public:
  /// @param budget  what its messages and requests may hold
  Connection(net::Stream& stream, net::InBuffer& in, const WebSocketConfig& config,
             milliseconds write_timeout, net::ConnectionBudget budget);
  ~Connection();

  /// Until the connection is over and `protocol` finished.
  Task<> run(Protocol& protocol);

  /// Messages of at most so many bytes are taken from now on.
  void limit_messages(std::size_t bytes) { decoder_.limit(bytes); }
  /// Queues a text message. What can wait asks has_room() first.
  void send(std::string_view text) { send_parts(text, {}, {}); }
  /// The same in three runs, which are not copied together first.
  void send_parts(std::string_view a, std::string_view b, std::string_view c);
  bool has_room() const { return !over_ && queued() < room_max; }
  /// Sends a close frame; the connection ends when the client answers it, or soon.
  void close(std::uint16_t code, std::string_view reason);
  /// Looks at the deadlines anew.
  void wake() { stream_.waiter().complete(net::IoStatus::ok); }
  bool closing() const { return closing_ || over_; }
  net::ConnectionBudget& budget() { return budget_; }

  static constexpr std::size_t room_max = 64 * 1024;

 private:
  std::size_t queued() const { return out_.size() - out_at_; }
  void turn() override { flush(); }
  void soon();
  void flush();
  void decode();
  void account_for_message();
  Task<bool> pause();
  bool has_room_for(std::size_t bytes);
  void handle(const wire::WsEvent& event);
  bool attend();
  bool keep_alive(Clock::time_point now);
  void ping();
  Clock::time_point next_deadline() const;
  Task<> yield();

  net::Stream& stream_;
  net::InBuffer& in_;
  const WebSocketConfig& config_;
  milliseconds write_timeout_;
  net::ConnectionBudget budget_;
  net::ConnectionBudget::Share message_;  // of the one that is not whole yet
  wire::WsDecoder decoder_;
  Protocol* protocol_ = nullptr;
  std::string out_{};
  std::size_t out_at_ = 0;
  bool flushing_ = false;
  bool closing_ = false;  // our close frame is on its way
  bool over_ = false;     // nothing goes out any more
  bool pinged_ = false;   // since the last byte came
  bool stuck_ = false;    // its client does not read, and too much was written
  std::uint16_t code_ = wire::ws_close::lost;
  Clock::time_point heard_{};       // last byte of the client
  Keepalive keepalive_{};           // while requests are open
  Clock::time_point progressed_{};  // last byte that the client took, or nothing was owed
  Clock::time_point close_by_ = Clock::time_point::max();
  Clock::time_point attend_at_ = Clock::time_point::max();
};

}  // namespace hawser::front::websocket
