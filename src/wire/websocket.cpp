#include "wire/websocket.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstring>

namespace hawser::wire {
namespace {

bool is_control(WsOpcode opcode) {
  return static_cast<std::uint8_t>(opcode) >= 8;
}
bool is_known(std::uint8_t opcode) {
  return opcode <= 2 || (opcode >= 8 && opcode <= 10);
}

/// Codes that may stand in a close frame: registered ones, and those of libraries and programs.
bool may_be_sent(std::uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

/// XORs eight bytes at a time.
void unmask(char* bytes, std::size_t size, const std::array<unsigned char, 4>& mask,
            std::uint8_t at) {
  std::array<unsigned char, 8> turned{};
  for (std::size_t i = 0; i < turned.size(); ++i) turned[i] = mask[(at + i) % 4];
  std::uint64_t wide = 0;
  std::memcpy(&wide, turned.data(), sizeof wide);
  std::size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + i, sizeof word);
    word ^= wide;
    std::memcpy(bytes + i, &word, sizeof word);
  }
  for (; i < size; ++i) bytes[i] = static_cast<char>(bytes[i] ^ static_cast<char>(turned[i % 8]));
}

}  // namespace

WsEvent WsDecoder::broken(std::uint16_t code, std::string_view what) {
  phase_ = Phase::broken;
  return {WsEvent::Kind::broken, code, what};
}

WsEvent WsDecoder::next(std::string_view& bytes) {
  if (std::exchange(given_, false)) {
    message_.clear();
    if (message_.capacity() > 4096) message_.shrink_to_fit();  // silence holds little memory
  }
  for (;;) {
    if (phase_ == Phase::broken) return {};
    if (phase_ == Phase::head) {
      if (auto event = take_head(bytes)) return *event;
      if (phase_ == Phase::head) return {};
    }
    const bool control = is_control(opcode_);
    std::string& into = control ? control_ : message_;
    const std::size_t before = into.size();
    take_payload(bytes, into);
    if (!control && message_opcode_ == WsOpcode::text &&
        !utf8_.feed(std::string_view(into).substr(before))) {
      return broken(ws_close::not_utf8, "a text message is not UTF-8");
    }
    if (left_ > 0) return {};
    phase_ = Phase::head;
    head_size_ = 0;
    if (control) return finish_control();
    if (auto event = finish_data()) return *event;
  }
}

/// Reads a frame's head; in phase `payload` afterwards when it is whole.
std::optional<WsEvent> WsDecoder::take_head(std::string_view& bytes) {
  const auto needed = [this]() -> std::size_t {
    if (head_size_ < 2) return 2;
    const unsigned length = head_[1] & 0x7fu;
    const std::size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
    return 2 + extended + ((head_[1] & 0x80u) != 0 ? 4 : 0);
  };
  while (head_size_ < needed()) {
    if (bytes.empty()) return std::nullopt;
    head_[head_size_++] = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (head_size_ == 2) {  // told as early as it can be
      if (auto event = check_head()) return event;
    }
  }
  const unsigned length = head_[1] & 0x7fu;
  std::size_t at = 2;
  left_ = length;
  if (length >= 126) {
    const std::size_t size = length == 126 ? 2 : 8;
    left_ = 0;
    for (std::size_t i = 0; i < size; ++i) left_ = left_ << 8 | head_[at++];
    if (left_ >= 1ull << 63 || left_ < (length == 126 ? 126u : 65536u)) {
      return broken(ws_close::protocol_error, "a frame's length is not in its shortest form");
    }
  }
  if ((head_[1] & 0x80u) != 0) std::copy_n(head_.begin() + static_cast<long>(at), 4, mask_.begin());
  mask_at_ = 0;
  if (!is_control(opcode_) && left_ > message_max_ - std::min(message_max_, message_.size())) {
    return broken(ws_close::too_big, "the message is too long");
  }
  phase_ = Phase::payload;
  return std::nullopt;
}

/// Judges the first two bytes of a frame.
std::optional<WsEvent> WsDecoder::check_head() {
  const auto opcode = static_cast<std::uint8_t>(head_[0] & 0x0fu);
  fin_ = (head_[0] & 0x80u) != 0;
  if ((head_[0] & 0x70u) != 0) {
    return broken(ws_close::protocol_error, "a reserved bit is set");
  }
  if (!is_known(opcode)) return broken(ws_close::protocol_error, "an opcode is unknown");
  opcode_ = static_cast<WsOpcode>(opcode);
  const bool masked = (head_[1] & 0x80u) != 0;
  if (masked != (side_ == WsSide::server)) {
    return broken(ws_close::protocol_error,
                  masked ? "a server must not mask its frames" : "a client must mask its frames");
  }
  if (is_control(opcode_)) {
    if (!fin_) return broken(ws_close::protocol_error, "a control frame is fragmented");
    if ((head_[1] & 0x7fu) > 125) {
      return broken(ws_close::protocol_error, "a control frame is too long");
    }
    control_.clear();
  } else if (opcode_ == WsOpcode::continuation) {
    if (!fragmented_) return broken(ws_close::protocol_error, "there is nothing to continue");
  } else {
    if (fragmented_) {
      return broken(ws_close::protocol_error, "a message begins within another one");
    }
    message_opcode_ = opcode_;
    utf8_ = {};
  }
  return std::nullopt;
}

void WsDecoder::take_payload(std::string_view& bytes, std::string& into) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  const std::size_t begin = into.size();
  into.append(bytes.substr(0, size));
  bytes.remove_prefix(size);
  left_ -= size;
  if (side_ == WsSide::server) {
    unmask(into.data() + begin, size, mask_, mask_at_);
    mask_at_ = static_cast<std::uint8_t>((mask_at_ + size) % 4);
  }
}

WsEvent WsDecoder::finish_control() {
  switch (opcode_) {
    case WsOpcode::ping:
      return {WsEvent::Kind::ping, 0, control_};
    case WsOpcode::pong:
      return {WsEvent::Kind::pong, 0, control_};
    default:
      return finish_close();
  }
}

WsEvent WsDecoder::finish_close() {
  if (control_.empty()) {
    phase_ = Phase::broken;  // nothing may follow
    return {WsEvent::Kind::close, ws_close::no_status, {}};
  }
  if (control_.size() == 1) return broken(ws_close::protocol_error, "a close code is cut");
  const auto code = static_cast<std::uint16_t>(static_cast<unsigned char>(control_[0]) << 8 |
                                               static_cast<unsigned char>(control_[1]));
  if (!may_be_sent(code)) return broken(ws_close::protocol_error, "a close code is not allowed");
  const std::string_view reason = std::string_view(control_).substr(2);
  Utf8Checker checker;
  if (!checker.feed(reason) || !checker.complete()) {
    return broken(ws_close::not_utf8, "a close reason is not UTF-8");
  }
  phase_ = Phase::broken;
  return {WsEvent::Kind::close, code, reason};
}

std::optional<WsEvent> WsDecoder::finish_data() {
  fragmented_ = !fin_;
  if (!fin_) return std::nullopt;
  if (message_opcode_ == WsOpcode::text && !utf8_.complete()) {
    return broken(ws_close::not_utf8, "a text message ends within a character");
  }
  given_ = true;
  return WsEvent{message_opcode_ == WsOpcode::text ? WsEvent::Kind::text : WsEvent::Kind::binary, 0,
                 message_};
}

std::size_t write_ws_head(char* out, WsOpcode opcode, std::size_t size) {
  char* at = out;
  *at++ = static_cast<char>(0x80u | static_cast<unsigned>(opcode));
  if (size < 126) {
    *at++ = static_cast<char>(size);
  } else {
    const int bytes = size < 65536 ? 2 : 8;
    *at++ = static_cast<char>(bytes == 2 ? 126 : 127);
    for (int i = bytes - 1; i >= 0; --i) {
      *at++ = static_cast<char>(static_cast<std::uint64_t>(size) >> (8 * i) & 0xff);
    }
  }
  return static_cast<std::size_t>(at - out);
}

void append_ws_frame(std::string& out, WsOpcode opcode, std::string_view payload,
                     std::optional<std::uint32_t> mask) {
  char head[ws_head_max];
  const std::size_t size = write_ws_head(head, opcode, payload.size());
  if (mask) head[1] = static_cast<char>(head[1] | static_cast<char>(0x80));
  out.append(head, size);
  if (!mask) {
    out.append(payload);
    return;
  }
  std::array<unsigned char, 4> bytes{};
  std::memcpy(bytes.data(), &*mask, bytes.size());
  out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::size_t begin = out.size();
  out.append(payload);
  unmask(out.data() + begin, payload.size(), bytes, 0);
}

std::string ws_close_payload(std::uint16_t code, std::string_view reason) {
  std::string payload;
  payload.push_back(static_cast<char>(code >> 8));
  payload.push_back(static_cast<char>(code & 0xff));
  while (!reason.empty()) {
    const std::size_t size = utf8_size(reason);
    if (size == 0 || payload.size() + size > 125) break;
    payload.append(reason.substr(0, size));
    reason.remove_prefix(size);
  }
  return payload;
}

std::string ws_accept(std::string_view key) {
  std::string text(key);
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  std::array<unsigned char, 32> encoded{};
  const int length = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(size));
  return {reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(length)};
}

bool valid_ws_key(std::string_view key) {
  const auto is_base64 = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  };
  return key.size() == 24 && key.ends_with("==") &&
         std::all_of(key.begin(), key.begin() + 22, is_base64);
}

}  // namespace hawser::wire
