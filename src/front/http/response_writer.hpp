#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "generation/generation.hpp"
#include "net/stream.hpp"

namespace hawser::front::http {

/// Writes one HTTP/1.1 answer. Head and first content leave in one write.
class ResponseWriter {
 public:
  ResponseWriter(net::Stream& stream, milliseconds timeout)
      : stream_(stream), timeout_(shortened(timeout)) {}

  struct Begin {
    generation::AnswerHead& head;  // outlives the first write(), which may change its fields
    int minor_version = 1;         // of the request
    bool keep_alive = true;
    bool head_only = false;     // the request was HEAD
    std::size_t announced = 0;  // so many of first_bytes are out already
  };
  /// What every answer begins with.
  static constexpr std::string_view first_bytes = "HTTP/1.1 ";
  /// Makes the head; it goes out with the first write().
  void begin(const Begin& begin);

  /// Writes content; `last` ends the answer. False: the client is gone or takes nothing.
  Task<bool> write(std::string_view bytes, bool last);

  /// Sends what changes nothing for whoever reads: the beginning of a head that is not out, or a
  /// comment between two events. Only while no write() is under way. False: a part of it went out,
  /// and nothing may follow.
  bool probe(bool between_events);

  /// Whether the connection may serve another request after this answer.
  bool keep_alive() const { return keep_alive_; }
  std::uint64_t bytes() const { return bytes_; }
  /// Whether the client did not take a write at once since it was asked last.
  bool lagged() { return std::exchange(lagged_, false); }

 private:
  static constexpr std::size_t parts_max = 6;
  using Parts = std::array<std::string_view, parts_max>;
  /// What is made for one write: the status line, the size that goes before a run of content.
  struct Made {
    std::array<char, 64> first;
    std::array<char, 18> chunk;
  };
  std::size_t lay_out(std::string_view bytes, bool last, Made& made, Parts& parts) const;
  Task<bool> finish(std::string_view bytes, bool last, net::IoResult sent);

  net::Stream& stream_;
  std::string_view fields_;  // of the answer: not copied
  ShortMilliseconds timeout_;
  int status_ = 0;  // of an answer whose head is not out
  bool chunked_ = false;
  bool bodiless_ = false;
  bool keep_alive_ = true;
  bool lagged_ = false;
  std::size_t announced_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace hawser::front::http
