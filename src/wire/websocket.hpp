#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/utf8.hpp"

/// WebSocket without a socket: bytes in, messages out. Strict, as the client's side and the
/// server's. Source: RFC 6455. No extension is negotiated, so reserved bits are always an error.
namespace hawser::wire {

enum class WsOpcode : std::uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10
};

/// Which end of the connection decodes: frames to a server are masked, those to a client are not.
enum class WsSide : std::uint8_t { server, client };

/// Status codes of a close (RFC 6455, 7.4.1) that we send ourselves.
namespace ws_close {
inline constexpr std::uint16_t normal = 1000, going_away = 1001, protocol_error = 1002,
                               no_status = 1005, lost = 1006, not_utf8 = 1007, too_big = 1009,
                               try_again_later = 1013;
}

struct WsEvent {
  enum class Kind : std::uint8_t {
    none,    // more bytes are needed
    text,    // a whole message; valid UTF-8
    binary,  // a whole message
    ping,    // to be answered by a pong with the same payload
    pong,
    close,  // the peer ends the connection; `code` is 1005 when it gave none
    broken  // the peer breaks the protocol: close with `code`; nothing more can be decoded
  };
  Kind kind = Kind::none;
  std::uint16_t code = 0;
  std::string_view
      payload{};  // until the next call; of a close: its reason; of broken: what is wrong
};

/// Puts frames together to messages. Fed in any cuts.
class WsDecoder {
 public:
  /// @param message_max  bytes; a longer message is broken with 1009
  WsDecoder(WsSide side, std::size_t message_max) : side_(side), message_max_(message_max) {}

  /// Bounds the messages that begin from now on.
  void limit(std::size_t message_max) { message_max_ = message_max; }
  /// Takes from the front of `bytes` what makes one event: call again with the rest until `none`.
  WsEvent next(std::string_view& bytes);
  /// Bytes of a message that is not whole yet.
  std::size_t held() const { return given_ ? 0 : message_.size(); }

 private:
  enum class Phase : std::uint8_t { head, payload, broken };
  WsEvent broken(std::uint16_t code, std::string_view what);
  std::optional<WsEvent> take_head(std::string_view& bytes);
  std::optional<WsEvent> check_head();
  void take_payload(std::string_view& bytes, std::string& into);
  WsEvent finish_control();
  WsEvent finish_close();
  std::optional<WsEvent> finish_data();

  WsSide side_;
  std::size_t message_max_;
  Phase phase_ = Phase::head;
  std::array<unsigned char, 14> head_{};
  std::uint8_t head_size_ = 0;
  bool fin_ = false;
  bool fragmented_ = false;  // behind a first frame, before the last one
  bool given_ = false;       // message_ was handed out
  WsOpcode opcode_ = WsOpcode::text;
  WsOpcode message_opcode_ = WsOpcode::text;
  std::array<unsigned char, 4> mask_{};
  std::uint8_t mask_at_ = 0;
  std::uint64_t left_ = 0;  // of the frame's payload
  Utf8Checker utf8_{};
  std::string message_{};
  std::string control_{};
};

/// Room for what goes in front of a payload.
inline constexpr std::size_t ws_head_max = 14;
/// Writes the head of an unfragmented frame, as a server sends it. @return its size
std::size_t write_ws_head(char* out, WsOpcode opcode, std::size_t size);
/// Appends a whole unfragmented frame.
/// @param mask  four random bytes when a client sends it; none from a server
void append_ws_frame(std::string& out, WsOpcode opcode, std::string_view payload,
                     std::optional<std::uint32_t> mask);
/// The payload of a close frame. @param reason  UTF-8, cut at 123 bytes
std::string ws_close_payload(std::uint16_t code, std::string_view reason);

/// Sec-WebSocket-Accept of a handshake with that Sec-WebSocket-Key.
std::string ws_accept(std::string_view key);
/// Whether it is the base64 of sixteen bytes.
bool valid_ws_key(std::string_view key);

}  // namespace hawser::wire
