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
};

}  // namespace hawser::front::websocket
