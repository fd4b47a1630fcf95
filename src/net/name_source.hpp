#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "net/reactor.hpp"

namespace hawser::net {

/// What a source knows of a name.
struct Found {
  std::vector<asio::ip::address> addresses{};  // in the source's order, never empty
  std::chrono::seconds ttl{};                  // how long this holds
};

/// Where names are looked up.
class NameSource {
 public:
  virtual ~NameSource() = default;
  /// Errors: connection (there is no such name, or no answer), timeout
  virtual Task<Result<Found>> look_up(std::string host, Clock::time_point deadline) = 0;
};

/// The system's resolver, on Asio's own thread; the worker never blocks.
class SystemNames final : public NameSource {
 public:
  explicit SystemNames(Reactor& reactor) : reactor_(reactor), resolver_(reactor.loop()) {}
  Task<Result<Found>> look_up(std::string host, Clock::time_point deadline) override;

 private:
  Reactor& reactor_;
  asio::ip::tcp::resolver resolver_;
};

}  // namespace hawser::net
