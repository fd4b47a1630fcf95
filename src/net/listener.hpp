#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "net/stream.hpp"

namespace hawser::net {

struct HostPort {
  std::string host{};  // without brackets
  std::uint16_t port = 0;
};
/// "HOST:PORT" or "[IPv6]:PORT"; an empty host is all addresses.
Result<HostPort> parse_host_port(std::string_view text);

/// Whether only this machine can reach the address.
bool is_loopback(const HostPort& address);

/// A listening socket that shares its address with those of other workers (SO_REUSEPORT).
/// Error: connection, with the system's reason.
Result<int> listen_on(const HostPort& address);
/// The port that the system gave; 0 on failure.
std::uint16_t port_of(int fd);

/// Accepts connections of one worker.
class Listener : public Channel {
 public:
  Listener(Reactor& reactor, int fd) : Channel(reactor, fd) {}

  struct Accepted {
    IoStatus status =
        IoStatus::ok;  // ok, cancelled, failed (out of descriptors: pause, then go on)
    int fd = -1;
    std::string peer{};  // address without port
  };
  /// Waits for the next connection.
  Task<Accepted> accept();
  /// One that waits already; `would_block` when there is none.
  Accepted try_accept();
};

}  // namespace hawser::net
