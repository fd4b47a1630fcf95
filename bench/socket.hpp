#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <span>
#include <string>

namespace hawser::bench {

using Nanoseconds = std::int64_t;
constexpr Nanoseconds a_second = 1'000'000'000;

/// Steady clock.
Nanoseconds now();

/// Listens on 127.0.0.1. @param port  0 takes a free one. Throws std::system_error.
int listen_on(std::uint16_t port);
std::uint16_t port_of(int listener);

/// Starts to connect to 127.0.0.1. The source address changes with `turn`, so that tens of
/// thousands of short connections don't use up the ports of one. Throws std::system_error.
int connect_to(std::uint16_t port, std::uint32_t turn);

/// Small writes leave at once.
void no_delay(int fd);

/// Edge-triggered readiness of many sockets.
class Poll {
 public:
  Poll();
  ~Poll();
  Poll(const Poll&) = delete;
  Poll& operator=(const Poll&) = delete;

  void add(int fd, std::uint64_t tag, std::uint32_t events);
  /// @param wait  longest wait; below 0: no limit
  std::span<const epoll_event> wait(Nanoseconds wait);

 private:
  int fd_;
  epoll_event ready_[256];
};

/// The whole number behind `name=` in `text`, or `otherwise`.
std::uint64_t number_in(const std::string& text, const std::string& name, std::uint64_t otherwise);

}  // namespace hawser::bench
