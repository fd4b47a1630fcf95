#pragma once

#include <string>
#include <utility>
#include <vector>

#include "exchange/client_name.hpp"

namespace hawser::front::websocket {

/// Who asks for a WebSocket: what is kept of its handshake.
struct Visitor {
  std::string address{};
  std::vector<std::string> names{};                                // of its certificate
  std::vector<std::pair<std::string, std::string>> credentials{};  // header fields
  std::vector<std::pair<std::string, std::string>> bound{};        // for all its requests
  exchange::ClientName client{};  // whose key that is, where it is known
  bool known = false;             // its key was looked up and found, or nobody needs one
};

}  // namespace hawser::front::websocket
