#pragma once

#include <chrono>
#include <ctime>
#include <string>

namespace hawser {

/// "2026-11-23T05:10:00Z" (RFC 3339), to the second.
inline std::string rfc3339(std::chrono::system_clock::time_point when) {
  const std::time_t time = std::chrono::system_clock::to_time_t(when);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

}  // namespace hawser
