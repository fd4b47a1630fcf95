#pragma once

#include <strings.h>

#include <string_view>

namespace hawser::bench {

/// The value of a header, empty when there is none. `head` ends with an empty line; names are
/// compared without case.
inline std::string_view header(std::string_view head, std::string_view name) {
  auto begin = head.find('\n');
  while (begin != std::string_view::npos) {
    const auto end = head.find('\n', begin + 1);
    const auto line = head.substr(begin + 1, end - begin - 1);
    begin = end;
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    if (strncasecmp(line.data(), name.data(), name.size()) != 0) continue;
    const auto value = line.find_first_not_of(' ', name.size() + 1);
    const auto last = line.find_last_not_of("\r ");
    return value > last ? std::string_view() : line.substr(value, last - value + 1);
  }
  return {};
}

}  // namespace hawser::bench
