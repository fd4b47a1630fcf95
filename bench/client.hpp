#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "channel.hpp"
#include "response.hpp"
#include "socket.hpp"

namespace hawser::bench {

/// What all clients of a run do alike.
struct Plan {
  std::uint16_t port = 0;
  std::string request{};     // head and body, as it goes out
  TlsClient* tls = nullptr;  // null: plain
  bool fresh = false;        // a new connection for each request
};

/// One user: sends a request, reads its answer, and again.
class Client {
 public:
  enum class Outcome : std::uint8_t { pending, done, failed };

  Client(const Plan& plan, Poll& poll, std::uint64_t tag) : plan_(plan), poll_(poll), tag_(tag) {}

  /// Begins a request. @param since  when it should have begun; its latency counts from then
  Outcome start(Nanoseconds since);
  /// Goes on after readiness. Nothing happens while no request is under way.
  Outcome advance();

  bool busy() const { return busy_; }
  Nanoseconds since() const { return since_; }
  std::size_t events() const { return response_.events(); }
  bool resumed() const { return channel_ != nullptr && channel_->resumed(); }
  /// Ends the connection, where each request has its own.
  void finish();
  const std::string& reason() const { return reason_; }

 private:
  Outcome send();
  Outcome receive();
  Outcome fail(std::string reason);
  Outcome closed(const char* when);

  const Plan& plan_;
  Poll& poll_;
  std::uint64_t tag_;
  std::uint32_t turn_ = 0;
  std::unique_ptr<Channel> channel_{};
  Response response_{};
  std::string_view unsent_{};
  Nanoseconds since_ = 0;
  bool busy_ = false;
  std::string reason_{};
};

}  // namespace hawser::bench
