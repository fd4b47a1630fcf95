#include "wire/websocket.hpp"

#include <gmock/gmock.h>

#include <vector>

namespace hawser::wire {
namespace {

using Kind = WsEvent::Kind;

struct Seen {
  Kind kind;
  std::uint16_t code;
  std::string payload;
  bool operator==(const Seen&) const = default;
};

std::vector<Seen> decode(std::string_view bytes, std::size_t cut, WsSide side = WsSide::server,
                         std::size_t message_max = 1 << 20) {
  WsDecoder decoder(side, message_max);
  std::vector<Seen> seen;
  while (!bytes.empty()) {
    std::string_view piece = bytes.substr(0, cut);
    bytes.remove_prefix(piece.size());
    for (;;) {
      const WsEvent event = decoder.next(piece);
      if (event.kind == Kind::none) break;
      seen.push_back({event.kind, event.code, std::string(event.payload)});
      if (event.kind == Kind::broken || event.kind == Kind::close) return seen;
    }
  }
  return seen;
}

std::string frame(WsOpcode opcode, std::string_view payload, bool fin = true) {
  std::string out;
  append_ws_frame(out, opcode, payload, 0x12345678u);
  if (!fin) out[0] = static_cast<char>(out[0] & 0x7f);
  return out;
}

TEST(WebSocket, MessagesAreTheSameHoweverTheyAreCut) {
  const std::string bytes =
      frame(WsOpcode::text, "h\303\244llo") + frame(WsOpcode::text, "fr", false) +
      frame(WsOpcode::ping, "p") + frame(WsOpcode::continuation, "ag") +
      frame(WsOpcode::binary, std::string(70'000, '\xff')) + frame(WsOpcode::text, "") +
      frame(WsOpcode::close, ws_close_payload(1000, "bye"));
  const std::vector<Seen> wanted{{Kind::text, 0, "h\303\244llo"},
                                 {Kind::ping, 0, "p"},
                                 {Kind::text, 0, "frag"},
                                 {Kind::binary, 0, std::string(70'000, '\xff')},
                                 {Kind::text, 0, ""},
                                 {Kind::close, 1000, "bye"}};
  for (const std::size_t cut : {1U, 2U, 3U, 7U, 125U, 126U, 4096U, 1'000'000U}) {
    EXPECT_EQ(decode(bytes, cut), wanted) << cut;
  }
}

TEST(WebSocket, WhatIsBrokenIsToldWithItsCode) {
  const auto code = [](std::string bytes, WsSide side = WsSide::server) {
    const auto seen = decode(bytes, 1, side, 100);
    return seen.empty() || seen.back().kind != Kind::broken ? 0 : seen.back().code;
  };
  std::string reserved = frame(WsOpcode::text, "x");
  reserved[0] = static_cast<char>(reserved[0] | 0x40);
  EXPECT_EQ(code(reserved), 1002);
  std::string unknown = frame(WsOpcode::text, "x");
  unknown[0] = static_cast<char>(0x83);
  EXPECT_EQ(code(unknown), 1002);
  EXPECT_EQ(code(frame(WsOpcode::ping, std::string(126, 'x'))), 1002);
  EXPECT_EQ(code(frame(WsOpcode::ping, "x", false)), 1002);
  EXPECT_EQ(code(frame(WsOpcode::continuation, "x")), 1002);
  EXPECT_EQ(code(frame(WsOpcode::text, "x", false) + frame(WsOpcode::text, "x")), 1002);
  EXPECT_EQ(code(frame(WsOpcode::text, "\xc3(")), 1007);
  EXPECT_EQ(code(frame(WsOpcode::text, "\xc3")), 1007);
  EXPECT_EQ(code(frame(WsOpcode::text, std::string(101, 'x'))), 1009);
  EXPECT_EQ(code(frame(WsOpcode::text, std::string(60, 'x'), false) +
                 frame(WsOpcode::continuation, std::string(60, 'x'))),
            1009);
  EXPECT_EQ(code(frame(WsOpcode::close, "\x03")), 1002);
  EXPECT_EQ(code(frame(WsOpcode::close, ws_close_payload(1005, ""))), 1002);
  EXPECT_EQ(code(frame(WsOpcode::close, ws_close_payload(1000, "") + "\xff")), 1007);
  EXPECT_EQ(code(frame(WsOpcode::text, "x"), WsSide::client), 1002);  // masked by a server
  std::string bare;
  append_ws_frame(bare, WsOpcode::text, "x", std::nullopt);
  EXPECT_EQ(code(bare), 1002);  // not masked by a client
  EXPECT_EQ(code(std::string("\x81\xfe\x00\x05", 4) + "mask12345"), 1002);  // a longer length
}

TEST(WebSocket, LengthsAreWrittenInTheirShortestForm) {
  for (const std::size_t size : {0u, 125u, 126u, 65535u, 65536u}) {
    std::string bytes;
    append_ws_frame(bytes, WsOpcode::binary, std::string(size, 'x'), std::nullopt);
    const auto seen = decode(bytes, 4096, WsSide::client);
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].payload.size(), size);
  }
}

TEST(WebSocket, HandshakeOfTheRfc) {
  EXPECT_EQ(ws_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_TRUE(valid_ws_key("dGhlIHNhbXBsZSBub25jZQ=="));
  EXPECT_FALSE(valid_ws_key("dGhlIHNhbXBsZSBub25jZQ="));
  EXPECT_FALSE(valid_ws_key("dGhl"));
}

TEST(WebSocket, ReasonsAreCutBetweenCharacters) {
  const std::string payload = ws_close_payload(4400, std::string(122, 'x') + "\303\244");
  EXPECT_EQ(payload.size(), 124u);
}

}  // namespace
}  // namespace hawser::wire
