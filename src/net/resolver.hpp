#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "net/name_source.hpp"

namespace hawser::net {

using Addresses = std::vector<asio::ip::tcp::endpoint>;

/// Names to addresses, of one worker. Sources are asked in their order, each after the one before
/// it failed or gave nothing that is trusted. Answers are kept for as long as they hold; when all
/// sources fail, the last answer serves on for up to an hour.
class Resolver {
 public:
  struct Settings {
    std::vector<std::shared_ptr<NameSource>> sources{};
    std::map<std::string, std::vector<asio::ip::address>> fixed{};  // never looked up
    milliseconds source_timeout{2'000};                             // then the next one is asked
    /// Asks the first two at once and tells where they have no address in common.
    bool compare = false;
    std::function<void(const std::string& host)> on_mismatch{};
  };
  /// The system's resolver alone.
  explicit Resolver(Reactor& reactor);

  /// What was found so far only serves on where the new sources know nothing.
  void configure(Settings settings);

  /// Addresses in the order to try them: families alternate, the first family first (RFC 8305, 4).
  /// Errors: connection, timeout
  Task<Result<Addresses>> resolve(std::string host, std::uint16_t port, Clock::time_point deadline);

  std::size_t sources() const { return settings_.sources.size(); }

  /// What stood behind this address was not the host, or nothing. For a minute it is only given
  /// when no source knows another one.
  void distrust(const std::string& host, const asio::ip::address& address);

 private:
  struct Known {
    std::vector<asio::ip::address> addresses{};
    Clock::time_point until{};
    Clock::time_point stale_until{};
    std::vector<std::pair<asio::ip::address, Clock::time_point>> distrusted{};
    std::vector<Waiter*> waiting{};  // for the one who asks
    bool asked = false;
  };
  std::vector<asio::ip::address> trusted(const Known& known,
                                         const std::vector<asio::ip::address>& all) const;
  Task<Result<Found>> ask_all(std::string host, Clock::time_point deadline);
  Task<> compare(std::string host, std::vector<asio::ip::address> first);
  Task<IoStatus> wait_for_the_asker(Known& known, Clock::time_point deadline);

  Reactor& reactor_;
  Settings settings_;
  std::map<std::string, Known> known_;
};

/// Families alternate, beginning with that of the first address.
Addresses interleave(const Addresses& addresses);

}  // namespace hawser::net
