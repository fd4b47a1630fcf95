#include "net/listener.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <utility>

namespace hawser::net {
namespace {

std::string text_of(const HostPort& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

Error bad_address(std::string_view text) {
  return {.code = Code::invalid_request,
          .message = "'" + std::string(text) + "' is not HOST:PORT or [IPv6]:PORT"};
}
Error refused(const HostPort& address, const char* what) {
  return {.code = Code::connection,
          .message = std::string(what) + " " + text_of(address) + ": " + std::strerror(errno)};
}

Result<asio::ip::tcp::endpoint> endpoint_of(const HostPort& address) {
  std::string host = address.host.empty() ? "0.0.0.0" : address.host;
  if (host == "localhost") host = "127.0.0.1";
  boost::system::error_code error;
  const auto parsed = asio::ip::make_address(host, error);
  if (error) {
    return Error{.code = Code::invalid_request,
                 .message = "cannot listen on '" + host + "': give an IP address"};
  }
  return asio::ip::tcp::endpoint(parsed, address.port);
}

std::string text_of(const sockaddr_storage& peer) {
  char text[INET6_ADDRSTRLEN] = "";
  if (peer.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &peer, sizeof v4);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  } else if (peer.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &peer, sizeof v6);
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  }
  return text;
}

}  // namespace

Result<HostPort> parse_host_port(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad_address(text);
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (!bracketed && host.find_first_of(":[]") != std::string_view::npos) return bad_address(text);
  if (bracketed) host = host.substr(1, host.size() - 2);
  HostPort out{.host = std::string(host)};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
  if (error != std::errc{} || end != digits.data() + digits.size()) return bad_address(text);
  return out;
}

bool is_loopback(const HostPort& address) {
  if (address.host == "localhost") return true;
  boost::system::error_code error;
  const auto parsed = asio::ip::make_address(address.host, error);
  return !error && parsed.is_loopback();
}

namespace {

Result<int> bind_to(const HostPort& address, Sharing sharing) {
  const auto endpoint = endpoint_of(address);
  if (!endpoint) return endpoint.error();
  const int fd =
      ::socket(endpoint->protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return refused(address, "no socket for");
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (sharing == Sharing::port) ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // accepted sockets inherit it
  if (::bind(fd, endpoint->data(), static_cast<socklen_t>(endpoint->size())) != 0) {
    auto error = refused(address, "cannot listen on");
    ::close(fd);
    return error;
  }
  return fd;
}

}  // namespace

Result<int> listen_on(const HostPort& address, Sharing sharing) {
  const auto fd = bind_to(address, sharing);
  if (!fd) return fd.error();
  if (::listen(*fd, 4096) != 0) {
    auto error = refused(address, "cannot listen on");
    ::close(*fd);
    return error;
  }
  return *fd;
}

Result<PortLease> PortLease::take(HostPort& address) {
  PortLease lease;
  if (address.port != 0) {
    auto locked = lease.lock(address);
    if (!locked) return locked.error();
  }
  // Refused while anybody listens there, sharing or not; it never listens itself.
  const auto probe = bind_to(address, Sharing::none);
  if (!probe) return probe.error();
  const bool chosen = std::exchange(address.port, port_of(*probe)) == 0;
  if (chosen) {
    auto locked = lease.lock(address);
    if (!locked) {
      ::close(*probe);
      return locked.error();
    }
  }
  ::close(*probe);
  return lease;
}

Result<> PortLease::none_held(const HostPort& address) {
  PortLease lease;
  return lease.lock(address);
}

/// An abstract Unix socket: its name is known in this network namespace alone, as the port is, and
/// is gone with the process, however it ends.
Result<> PortLease::lock(const HostPort& address) {
  const auto endpoint = endpoint_of(address);
  if (!endpoint) return endpoint.error();
  const std::string name =
      "hawser-listener/" + endpoint->address().to_string() + "/" + std::to_string(address.port);
  sockaddr_un own{};
  own.sun_family = AF_UNIX;
  name.copy(own.sun_path + 1, sizeof own.sun_path - 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 +
                                           std::min(name.size(), sizeof own.sun_path - 1));
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0 || ::bind(fd_, reinterpret_cast<const sockaddr*>(&own), size) != 0) {
    return refused(address, "cannot listen on");
  }
  return {};
}

PortLease::PortLease(PortLease&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

PortLease& PortLease::operator=(PortLease&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

PortLease::~PortLease() {
  if (fd_ >= 0) ::close(fd_);
}

std::uint16_t port_of(int fd) {
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) != 0) return 0;
  if (own.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &own, sizeof v6);
    return ntohs(v6.sin6_port);
  }
  sockaddr_in v4{};
  std::memcpy(&v4, &own, sizeof v4);
  return ntohs(v4.sin_port);
}

Listener::Accepted Listener::try_accept() {
  for (;;) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const int fd = ::accept4(this->fd(), reinterpret_cast<sockaddr*>(&peer), &size,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) return {IoStatus::ok, fd, text_of(peer)};
    if (errno == EAGAIN) {
      drained();
      return {IoStatus::would_block, -1, {}};
    }
    const bool exhausted =
        errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    if (exhausted) return {IoStatus::failed, -1, {}};
    // That connection is gone already (ECONNABORTED and its like): take the next one.
  }
}

Task<Listener::Accepted> Listener::accept() {
  for (;;) {
    if (!readable()) {
      const IoStatus waited = co_await wait(Want::read, Clock::time_point::max());
      if (waited != IoStatus::ok) co_return Accepted{waited, -1, {}};
    }
    Accepted accepted = try_accept();
    if (accepted.status != IoStatus::would_block) co_return accepted;
  }
}

}  // namespace hawser::net
