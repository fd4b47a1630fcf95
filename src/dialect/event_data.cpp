#include "dialect/event_data.hpp"

#include <algorithm>

namespace hawser::dialect {

std::string data_of(std::string_view frame) {
  std::string data;
  while (!frame.empty()) {
    const auto end = std::min(frame.find_first_of("\r\n"), frame.size());
    std::string_view line = frame.substr(0, end);
    frame.remove_prefix(std::min(end + 1, frame.size()));
    if (!line.starts_with("data:")) continue;
    line.remove_prefix(5);
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (!data.empty()) data.push_back('\n');
    data.append(line);
  }
  return data;
}

}  // namespace hawser::dialect
