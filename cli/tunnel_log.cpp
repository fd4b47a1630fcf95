#include "cli/tunnel_log.hpp"

#include <algorithm>
#include <iostream>

#include "base/redact.hpp"
#include "base/wall_clock.hpp"

namespace hawser::cli {
namespace {

constexpr std::size_t reason_max = 300;

std::string requests(int count) {
  return count == 1 ? "1 request" : std::to_string(count) + " requests";
}

}  // namespace

TunnelLog::TunnelLog(std::string to) : to_(cleaned(to)) {}

std::string TunnelLog::cleaned(const std::string& text) {
  std::string out = redact(std::string_view(text).substr(0, reason_max));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < ' ' || c == '\x7f'; }, ' ');
  return out;
}

std::string TunnelLog::describe(const ConnectionEvent& event, const std::string& to) {
  const std::string why = event.reason.empty() ? "" : ": " + cleaned(event.reason);
  const std::string waiting = requests(event.calls) + (event.calls == 1 ? " waits" : " wait");
  switch (event.kind) {
    case ConnectionEvent::Kind::connected:
      return "connected to " + to + ", for " + requests(event.calls);
    case ConnectionEvent::Kind::lost:
      if (event.calls == 0) return "connection lost" + why + "; the next request opens another";
      return "connection lost" + why + "; " + waiting + ", next try in " +
             std::to_string(event.next_try.count()) + " ms";
    case ConnectionEvent::Kind::refused:
      return "refused by " + to + why;
    case ConnectionEvent::Kind::blocked:
      return "WebSockets are blocked" + why + "; requests go over HTTPS for ten minutes";
    case ConnectionEvent::Kind::replaced:
      return "the gateway asks for another connection" + why + "; " + requests(event.calls) +
             (event.calls == 1 ? " moves" : " move") + " there";
  }
  return {};
}

void TunnelLog::connection(const ConnectionEvent& event) {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  const bool lost = event.kind == ConnectionEvent::Kind::lost;
  if (lost && event.reason == last_ && now - said_ < again) return;
  last_ = lost ? event.reason : "";
  said_ = now;
  line(describe(event, to_));
}

void TunnelLog::line(const std::string& text) {
  // One write a line: lines of several threads stay whole.
  std::cerr << rfc3339(std::chrono::system_clock::now()) + " hawser tunnel: " + text + "\n"
            << std::flush;
}

}  // namespace hawser::cli
