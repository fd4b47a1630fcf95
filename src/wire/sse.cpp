#include "wire/sse.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace hawser::wire {
namespace {

// Where the scanner stands: within a line; behind the end of a line; behind a CR, whose LF may
// still come; behind the CR that ended an event.
enum : std::uint8_t { in_line, line_end, line_cr, event_cr };

/// In windows that grow: a stream without LF must not be searched to its end for each of its lines.
/// @param returns  whether there is a CR at all: streams in use end their lines with LF
const char* find_line_end(const char* at, const char* end, bool returns = true) {
  if (!returns) {
    return static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
  }
  for (std::size_t window = 512; at < end; window *= 2) {
    const auto size = std::min(window, static_cast<std::size_t>(end - at));
    const auto* feed = static_cast<const char*>(std::memchr(at, '\n', size));
    const auto until = feed == nullptr ? size : static_cast<std::size_t>(feed - at);
    const auto* ret = static_cast<const char*>(std::memchr(at, '\r', until));
    if (ret != nullptr) return ret;
    if (feed != nullptr) return feed;
    at += size;
  }
  return nullptr;
}

}  // namespace

std::size_t SseScanner::feed(std::string_view bytes) {
  const char* const begin = bytes.data();
  const char* const end = begin + bytes.size();
  const char* whole = begin;
  ended_ = 0;
  const bool returns = bytes.find('\r') != std::string_view::npos;
  for (const char* at = begin; at < end;) {
    const char c = *at;
    if (c == '\n' && (state_ == line_cr || state_ == event_cr)) {
      if (state_ == event_cr) whole = at + 1;  // the LF belongs to the event that its CR ended
      state_ = line_end;
      ++at;
    } else if (c == '\n' || c == '\r') {
      const bool empty_line = state_ != in_line;
      ++at;
      if (empty_line) {
        whole = at;
        ++ended_;
      }
      if (c == '\n')
        state_ = line_end;
      else
        state_ = empty_line ? event_cr : line_cr;
    } else {
      state_ = in_line;
      at = find_line_end(at, end, returns);
      if (at == nullptr) break;
    }
  }
  return static_cast<std::size_t>(whole - begin);
}

Frame first_frame(std::string_view frames) {
  Frame frame;
  std::string_view rest = frames;
  while (!rest.empty()) {
    const char* const end = find_line_end(rest.data(), rest.data() + rest.size());
    const auto length = end == nullptr ? rest.size() : static_cast<std::size_t>(end - rest.data());
    const std::string_view line = rest.substr(0, length);
    rest.remove_prefix(length);
    rest.remove_prefix(rest.starts_with("\r\n") ? 2 : std::min<std::size_t>(rest.size(), 1));
    if (line.empty()) break;
    if (line.starts_with("data") && (line.size() == 4 || line[4] == ':')) frame.data = true;
  }
  frame.size = frames.size() - rest.size();
  return frame;
}

FrameParts frame_parts(std::string_view frame, std::string& scratch) {
  FrameParts parts;
  bool joined = false;
  while (!frame.empty()) {
    const char* const end = find_line_end(frame.data(), frame.data() + frame.size());
    const auto length =
        end == nullptr ? frame.size() : static_cast<std::size_t>(end - frame.data());
    const std::string_view line = frame.substr(0, length);
    frame.remove_prefix(std::min(length + 1, frame.size()));  // the LF of a CRLF: an empty line
    const auto colon = std::min(line.find(':'), line.size());
    std::string_view value = line.substr(std::min(colon + 1, line.size()));
    if (value.starts_with(' ')) value.remove_prefix(1);
    const std::string_view name = line.substr(0, colon);
    if (name == "event") parts.type = value;
    if (name != "data") continue;
    if (std::exchange(parts.has_data, true)) {
      if (!std::exchange(joined, true)) scratch.assign(parts.data);
      scratch.append("\n").append(value);
    } else {
      parts.data = value;
    }
  }
  if (joined) parts.data = scratch;
  return parts;
}

// --- SseDecoder

SseDecoder::Taken SseDecoder::take(std::string_view bytes) {
  Taken taken;
  if (after_cr_ && bytes.front() == '\n') {
    after_cr_ = false;
    taken.consumed = 1;
    return taken;
  }
  after_cr_ = false;
  const char* const end = bytes.data() + bytes.size();
  const char* line_break = find_line_end(bytes.data(), end);
  const auto size = static_cast<std::size_t>((line_break ? line_break : end) - bytes.data());
  taken.consumed = size + (line_break != nullptr ? 1 : 0);
  taken.too_long = line_.size() + data_.size() + size > event_max_;
  if (taken.too_long) return taken;
  line_.append(bytes.substr(0, size));
  if (line_break == nullptr) return taken;
  after_cr_ = *line_break == '\r';
  if (line_.empty()) {
    taken.dispatched = dispatch();
  } else {
    end_of_line();
  }
  line_.clear();
  return taken;
}

void SseDecoder::end_of_line() {
  std::string_view line = line_;
  if (std::exchange(at_start_, false) && line.starts_with("\xEF\xBB\xBF")) {
    line.remove_prefix(3);
    if (line.empty()) return;
  }
  const auto colon = line.find(':');
  if (colon == 0) return;  // a comment
  const std::string_view name = line.substr(0, colon);
  std::string_view value =
      colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "data") {
    data_.append(value).push_back('\n');
    pending_ = true;
  } else if (name == "event") {
    type_ = value;
  } else if (name == "id") {
    if (value.find('\0') == std::string_view::npos) id_ = value;
  } else if (name == "retry") {
    const bool digits =
        !value.empty() && value.size() < 10 &&
        std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (digits) retry_ms_ = std::stoul(std::string(value));
  }
}

bool SseDecoder::dispatch() {
  at_start_ = false;
  const bool has_data = pending_;
  if (has_data) {
    data_.pop_back();  // the LF behind the last data line
    sent_data_.swap(data_);
    sent_type_.swap(type_);
    event_ = {sent_type_, sent_data_, id_};
  }
  data_.clear();
  type_.clear();
  pending_ = false;
  return has_data;
}

const SseEvent* SseDecoder::finish() {
  if (!line_.empty()) end_of_line();
  line_.clear();
  return dispatch() ? &event_ : nullptr;
}

}  // namespace hawser::wire
