#pragma once

#include <string>
#include <utility>
#include <vector>

namespace hawser::sim {

/// What the simulator says to one request.
struct Answer {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers{};
  bool stream = false;               // chunked, part by part
  std::vector<std::string> parts{};  // the body; of an event stream one event each
  std::size_t content_at = 0;        // of a stream: first part that repeats when it never ends
};

}  // namespace hawser::sim
