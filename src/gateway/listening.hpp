#pragma once

#include <string>
#include <vector>

#include "net/listener.hpp"
#include "settings/config.hpp"

namespace hawser::gateway {

/// Every socket that the process listens on. All of them are opened before anything else begins: a
/// port that is taken is a message at start, with nothing to undo.
struct Listening {
  std::vector<std::vector<int>> by_worker{};  // one a listener of the configuration
  std::vector<std::string> urls{};            // of the listeners
  int admin = -1;                             // -1: off
  std::string admin_url{};
  /// Given up when the drain begins, so that a successor may start.
  std::vector<net::PortLease> leases{};
};

/// @throws std::runtime_error that names the address
Listening listen_all(const settings::Config& config, std::size_t workers);

}  // namespace hawser::gateway
