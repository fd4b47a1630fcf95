#pragma once

#include <hawser/client.hpp>
#include <mutex>
#include <string>

namespace hawser::cli {

/// What `hawser tunnel` says on standard error: a line for each thing that changes. While the
/// gateway stays away, a line in `again` at most, however often it is tried.
class TunnelLog {
 public:
  explicit TunnelLog(std::string to);
  void connection(const ConnectionEvent& event);
  void line(const std::string& text);

  static constexpr std::chrono::seconds again{5};
  /// In one line, and without what must not be told: others wrote it.
  static std::string cleaned(const std::string& text);
  static std::string describe(const ConnectionEvent& event, const std::string& to);

 private:
  std::string to_;
  std::mutex mutex_;
  std::string last_{};  // reason of the last loss
  std::chrono::steady_clock::time_point said_{};
};

}  // namespace hawser::cli
