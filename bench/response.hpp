#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hawser::bench {

/// Reads one HTTP/1.1 answer in pieces and checks it: a whole body of the size that was told; for
/// an event stream the numbers 0, 1, 2, ... and [DONE] behind the last.
class Response {
 public:
  enum class State : std::uint8_t { more, whole, broken };

  /// @return broken for anything but status 200, as it was promised, and for bytes behind the end
  State feed(std::string_view bytes);
  void reset();

  std::size_t events() const { return events_; }
  const char* reason() const { return reason_; }  // why it is broken

 private:
  enum class Part : std::uint8_t { head, sized, chunk_size, chunk_data, chunk_end, last, end };

  State broken(const char* reason);
  bool take_head(std::string_view& bytes);
  bool read_head(std::string_view head);
  bool take_chunk_size(std::string_view& bytes);
  bool take_line_end(std::string_view& bytes, Part next);
  bool take_data(std::string_view& bytes, Part next);
  bool take_events(std::string_view bytes);
  bool take_event(std::string_view event);
  bool step(std::string_view& bytes);

  Part part_ = Part::head;
  bool stream_ = false;
  bool done_ = false;
  std::size_t left_ = 0;  // of the body or of this chunk
  std::size_t events_ = 0;
  std::string held_{};  // head, chunk size or event that is not whole
  std::string event_{};
  const char* reason_ = "";
};

}  // namespace hawser::bench
