#pragma once

#include <string>
#include <utility>
#include <vector>

namespace hawser::front::websocket {

/// Who asks for a WebSocket: what is kept of its handshake.
struct Visitor {
  std::string address{};
  std::vector<std::string> names{};                                // of its certificate
  std::vector<std::pair<std::string, std::string>> credentials{};  // header fields
  std::vector<std::pair<std::string, std::string>> residency{};    // that bind all its requests
};

}  // namespace hawser::front::websocket
