#pragma once

#include <string>

namespace hawser::exchange {

/// Whose key a connection has shown. Both are empty where nobody needs one.
struct ClientName {
  std::string tenant{};
  std::string key{};
};

}  // namespace hawser::exchange
