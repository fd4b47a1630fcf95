#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

/// Server-sent events without a socket. Source: WHATWG HTML, 9.2.6 "Interpreting an event stream".
namespace hawser::wire {

/// Finds where events end, without copying: the gateway relays frames byte for byte.
class SseScanner {
 public:
  /// @return how many of `bytes` belong to whole events: everything up to and with the empty line
  ///         that ends the last one; 0 when no event ends in them. LF, CR and CRLF, however cut.
  std::size_t feed(std::string_view bytes);
  /// Events that ended in what was fed last.
  std::uint32_t ended() const { return ended_; }

 private:
  std::uint8_t state_ = 0;
  std::uint32_t ended_ = 0;
};

/// The first of several whole frames.
struct Frame {
  std::size_t size = 0;  // with the empty line that ends it; everything where there is none
  bool data = false;     // whether it has a data line: else clients see no event
};
Frame first_frame(std::string_view frames);

/// What a frame says. Views into it, or into `scratch` where data stands on several lines.
struct FrameParts {
  bool has_data = false;
  std::string_view type{};  // "event:"; empty: none
  std::string_view data{};
};
FrameParts frame_parts(std::string_view frame, std::string& scratch);

/// One dispatched event. Views live until the next call of the decoder.
struct SseEvent {
  std::string_view type{};  // "" when no event field came
  std::string_view data{};
  std::string_view id{};  // last id seen
};

/// Decodes a stream into events, as a client does. Never dispatches an event without data.
class SseDecoder {
 public:
  /// @param event_max  bytes of one event; a longer one fails, it is never cut
  explicit SseDecoder(std::size_t event_max) : event_max_(event_max) {}

  /// Feeds bytes and calls `sink(const SseEvent&)` for each event.
  /// Error: too_large when an event passes `event_max`; the decoder is then spent.
  template <class Sink>
  Result<> feed(std::string_view bytes, Sink&& sink) {
    std::size_t at = 0;
    while (at < bytes.size()) {
      const Taken taken = take(bytes.substr(at));
      at += taken.consumed;
      if (taken.too_long) return Error{.code = Code::too_large, .message = "event is too long"};
      if (taken.dispatched) sink(event_);
    }
    return {};
  }

  /// An event that the end of the stream left without its empty line: nullptr when there is none.
  const SseEvent* finish();

  /// The last `retry` field in milliseconds; 0: none.
  std::uint64_t retry_ms() const { return retry_ms_; }

 private:
  struct Taken {
    std::size_t consumed = 0;
    bool dispatched = false;
    bool too_long = false;
  };
  Taken take(std::string_view bytes);
  void end_of_line();
  bool dispatch();

  std::size_t event_max_;
  std::string line_;
  std::string type_, data_, id_;
  std::string sent_type_, sent_data_;
  SseEvent event_;
  std::uint64_t retry_ms_ = 0;
  bool after_cr_ = false;
  bool at_start_ = true;
  bool pending_ = false;
};

}  // namespace hawser::wire
