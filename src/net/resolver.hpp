#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "net/reactor.hpp"

namespace hawser::net {

using Addresses = std::vector<asio::ip::tcp::endpoint>;

/// Names to addresses through the system, on Asio's resolver thread; the worker never blocks.
/// Answers are kept for 30 s; when the system fails, the last answer serves on for up to an hour.
class Resolver {
 public:
  explicit Resolver(Reactor& reactor) : reactor_(reactor), resolver_(reactor.loop()) {}

  /// Addresses in the order to try them: families alternate, the first family first (RFC 8305, 4).
  Task<Result<Addresses>> resolve(std::string host, std::uint16_t port, Clock::time_point deadline);

 private:
  struct Known {
    Addresses addresses{};
    Clock::time_point at{};
  };
  Reactor& reactor_;
  asio::ip::tcp::resolver resolver_;
  std::map<std::pair<std::string, std::uint16_t>, Known> known_;
};

/// Families alternate, beginning with that of the first address.
Addresses interleave(const Addresses& addresses);

}  // namespace hawser::net
