#include "socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <ctime>
#include <system_error>

namespace hawser::bench {
namespace {

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

sockaddr_in loopback(std::uint16_t port, std::uint32_t last_octet) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(0x7f000000u + last_octet);
  return address;
}

const sockaddr* plain(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

void set(int fd, int level, int option) {
  const int on = 1;
  checked(setsockopt(fd, level, option, &on, sizeof on), "setsockopt");
}

int new_socket() {
  return checked(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
}

}  // namespace

Nanoseconds now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * a_second + time.tv_nsec;
}

int listen_on(std::uint16_t port) {
  const int fd = new_socket();
  set(fd, SOL_SOCKET, SO_REUSEADDR);
  const auto address = loopback(port, 1);
  checked(bind(fd, plain(address), sizeof address), "bind");
  checked(listen(fd, 4096), "listen");
  return fd;
}

std::uint16_t port_of(int listener) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  checked(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  return ntohs(address.sin_port);
}

int connect_to(std::uint16_t port, std::uint32_t turn) {
  constexpr std::uint32_t sources = 32;
  const int fd = new_socket();
  no_delay(fd);
  set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
  const auto source = loopback(0, 1 + turn % sources);
  checked(bind(fd, plain(source), sizeof source), "bind");
  const auto address = loopback(port, 1);
  if (connect(fd, plain(address), sizeof address) < 0 && errno != EINPROGRESS) {
    const int error = errno;
    close(fd);
    throw std::system_error(error, std::generic_category(), "connect");
  }
  return fd;
}

void no_delay(int fd) {
  set(fd, IPPROTO_TCP, TCP_NODELAY);
}

Poll::Poll() : fd_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {}
Poll::~Poll() {
  close(fd_);
}

void Poll::add(int fd, std::uint64_t tag, std::uint32_t events) {
  epoll_event event{};
  event.events = events | EPOLLET;
  event.data.u64 = tag;
  checked(epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

std::span<const epoll_event> Poll::wait(Nanoseconds wait) {
  const timespec limit{.tv_sec = wait / a_second, .tv_nsec = wait % a_second};
  const int count = epoll_pwait2(fd_, ready_, 256, wait < 0 ? nullptr : &limit, nullptr);
  if (count < 0 && errno != EINTR) checked(count, "epoll_pwait2");
  return {ready_, count < 0 ? 0u : static_cast<std::size_t>(count)};
}

std::uint64_t number_in(const std::string& text, const std::string& name, std::uint64_t otherwise) {
  const auto at = text.find(name + "=");
  if (at == std::string::npos) return otherwise;
  const char* begin = text.data() + at + name.size() + 1;
  std::from_chars(begin, text.data() + text.size(), otherwise);
  return otherwise;
}

}  // namespace hawser::bench
