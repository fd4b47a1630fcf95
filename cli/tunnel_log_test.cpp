#include "cli/tunnel_log.hpp"

#include <gtest/gtest.h>

namespace hawser::cli {
namespace {

using Kind = ConnectionEvent::Kind;

TEST(TunnelLog, SaysWhatHappenedAndWhatComesNext) {
  const ConnectionEvent lost{.kind = Kind::lost,
                             .reason = "the path broke",
                             .next_try = std::chrono::milliseconds(40),
                             .calls = 3};
  EXPECT_EQ(TunnelLog::describe(lost, "wss://gw/v1/tunnel"),
            "connection lost: the path broke; 3 requests wait, next try in 40 ms");
  const ConnectionEvent idle{.kind = Kind::lost, .reason = "the path broke"};
  EXPECT_EQ(TunnelLog::describe(idle, "wss://gw/v1/tunnel"),
            "connection lost: the path broke; the next request opens another");
  const ConnectionEvent up{.kind = Kind::connected, .calls = 1};
  EXPECT_EQ(TunnelLog::describe(up, "wss://gw/v1/tunnel"),
            "connected to wss://gw/v1/tunnel, for 1 request");
}

TEST(TunnelLog, TellsNoSecretAndKeepsToItsLine) {
  const std::string told = TunnelLog::cleaned(
      "close: sk-proj-abcdefghijklmnopqrstuvwxyz0123456789\r\nforged line\x1b[2J");
  EXPECT_EQ(told.find("abcdefghijklmnop"), std::string::npos) << told;
  EXPECT_EQ(told.find_first_of("\r\n\x1b"), std::string::npos) << told;
  EXPECT_LE(TunnelLog::cleaned(std::string(100'000, 'x')).size(), 400u);
  EXPECT_EQ(TunnelLog("wss://user:secret-password@gw/v1")
                .cleaned("wss://user:hunter2@gw/v1")
                .find("hunter2"),
            std::string::npos);
}

}  // namespace
}  // namespace hawser::cli
