#include "response.hpp"

#include <charconv>
#include <utility>

#include "event.hpp"
#include "head.hpp"

namespace hawser::bench {
namespace {

constexpr std::size_t head_max = 16 * 1024;

bool number(std::string_view text, int base, std::size_t& out) {
  const auto end = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return end.ec == std::errc();
}

}  // namespace

void Response::reset() {
  part_ = Part::head;
  stream_ = done_ = false;
  left_ = events_ = 0;
  held_.clear();
  event_.clear();
}

Response::State Response::broken(const char* reason) {
  if (*reason_ == '\0') reason_ = reason;
  return State::broken;
}

Response::State Response::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    if (part_ == Part::end) return broken("bytes behind the end");
    if (!step(bytes)) return broken("malformed");
  }
  if (part_ != Part::end) return State::more;
  if (stream_ && !done_) return broken("ends without [DONE]");
  return State::whole;
}

bool Response::step(std::string_view& bytes) {
  switch (part_) {
    case Part::head:
      return take_head(bytes);
    case Part::sized:
      return take_data(bytes, Part::end);
    case Part::chunk_size:
      return take_chunk_size(bytes);
    case Part::chunk_data:
      return take_data(bytes, Part::chunk_end);
    case Part::chunk_end:
      return take_line_end(bytes, Part::chunk_size);
    case Part::last:
      return take_line_end(bytes, Part::end);
    case Part::end:
      break;
  }
  return false;
}

bool Response::take_head(std::string_view& bytes) {
  const std::size_t before = held_.size();
  std::string_view head = bytes;
  if (before > 0) {
    held_ += bytes;
    head = held_;
  }
  const auto end = head.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (before == 0) held_ = bytes;
    bytes = {};
    return held_.size() < head_max;
  }
  bytes.remove_prefix(end + 4 - before);
  const bool good = read_head(head.substr(0, end + 4));
  held_.clear();
  return good;
}

bool Response::read_head(std::string_view head) {
  if (!head.starts_with("HTTP/1.1 200")) {
    broken("status is not 200");
    return false;
  }
  stream_ = header(head, "content-type").starts_with("text/event-stream");
  const auto length = header(head, "content-length");
  part_ = length.empty() ? Part::chunk_size : Part::sized;
  if (length.empty()) return header(head, "transfer-encoding") == "chunked";
  return number(length, 10, left_) && left_ > 0;
}

bool Response::take_chunk_size(std::string_view& bytes) {
  const auto end = bytes.find('\n');
  held_ += bytes.substr(0, end);
  if (end == std::string_view::npos) {
    bytes = {};
    return held_.size() < 32;
  }
  bytes.remove_prefix(end + 1);
  const bool good = number(held_, 16, left_);
  held_.clear();
  part_ = left_ == 0 ? Part::last : Part::chunk_data;
  return good;
}

bool Response::take_line_end(std::string_view& bytes, Part next) {
  if (bytes.front() == '\n') {
    part_ = next;
  } else if (bytes.front() != '\r') {
    return false;
  }
  bytes.remove_prefix(1);
  return true;
}

bool Response::take_data(std::string_view& bytes, Part next) {
  const auto data = bytes.substr(0, left_);
  bytes.remove_prefix(data.size());
  left_ -= data.size();
  if (left_ == 0) part_ = next;
  return !stream_ || take_events(data);
}

bool Response::take_events(std::string_view bytes) {
  if (!event_.empty()) {
    event_ += bytes;
    bytes = event_;
  }
  for (auto end = bytes.find("\n\n"); end != std::string_view::npos; end = bytes.find("\n\n")) {
    if (!take_event(bytes.substr(0, end + 2))) return false;
    bytes.remove_prefix(end + 2);
  }
  event_ = std::string(bytes);
  return true;
}

bool Response::take_event(std::string_view event) {
  if (!event.starts_with("data: ")) {  // an id or a comment before the data
    const auto data = event.find("\ndata: ");
    if (data == std::string_view::npos) return false;
    event.remove_prefix(data + 1);
  }
  if (event == done_event) return !std::exchange(done_, true);
  if (done_ || event.size() != event_size || !event.ends_with(event_tail)) return false;
  char expected[event_digits];
  put_number(expected, events_++);
  if (event.substr(event_number_at, event_digits) == std::string_view(expected, event_digits)) {
    return true;
  }
  broken("an event is lost, doubled or out of order");
  return false;
}

}  // namespace hawser::bench
