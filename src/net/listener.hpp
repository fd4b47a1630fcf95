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

/// Whether other sockets may listen on the same address (SO_REUSEPORT): those of other workers, but
/// as far as the kernel is concerned also those of any other process of the same user.
enum class Sharing : std::uint8_t { none, port };

/// A listening socket. Error: connection, with the address and the system's reason.
Result<int> listen_on(const HostPort& address, Sharing sharing);

/// The right of one process to listen on an address whose port its own workers share. The kernel
/// would let a second gateway join them silently, and spread clients over both.
class PortLease {
 public:
  /// @param address  port 0 is replaced by a free one
  /// Error: connection, when anybody listens there
  static Result<PortLease> take(HostPort& address);
  /// Error: connection, when a process holds one that does not share. For those that do.
  static Result<> none_held(const HostPort& address);
  PortLease(PortLease&& other) noexcept;
  PortLease& operator=(PortLease&& other) noexcept;
  PortLease(const PortLease&) = delete;
  PortLease& operator=(const PortLease&) = delete;
  ~PortLease();

 private:
  PortLease() = default;
  Result<> lock(const HostPort& address);

  int fd_ = -1;
};

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
