#include "dialect/stream_end.hpp"

#include <algorithm>
#include <cstring>

namespace hawser::dialect {
namespace {

// A terminal event is the last one, or nearly: only the end of what is relayed is looked at.
constexpr std::size_t tail_max = 1024;
constexpr std::size_t end_max = 96;

bool holds(std::string_view text, std::string_view part) {
  return ::memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
}

/// A finish reason that is set: `"finish_reason":"stop"`, with or without a blank, but not null.
bool has_finish_reason(std::string_view frames) {
  constexpr std::string_view key = "finish_reason\":";
  while (const void* found = ::memmem(frames.data(), frames.size(), key.data(), key.size())) {
    frames.remove_prefix(static_cast<std::size_t>(static_cast<const char*>(found) - frames.data()) +
                         key.size());
    const auto value = frames.find_first_not_of(' ');
    if (value != std::string_view::npos && frames[value] == '"') return true;
  }
  return false;
}

bool ends_chat(std::string_view frames) {
  if (frames.ends_with("\"finish_reason\":null}]}\n\n")) return false;
  const std::string_view end = frames.substr(frames.size() - std::min(frames.size(), end_max));
  if (holds(end, "[DONE]")) return true;
  // Nearly every event ends like this.
  if (holds(end, "\"finish_reason\":null}]")) return false;
  const std::string_view tail = frames.substr(frames.size() - std::min(frames.size(), tail_max));
  return has_finish_reason(tail) || holds(tail, "\"error\":");
}

/// The line that names the last event; a whole response may stand behind it.
std::string_view last_event_line(std::string_view frames) {
  while (!frames.empty()) {
    const void* feed = ::memrchr(frames.data(), '\n', frames.size());
    const std::size_t at =
        feed == nullptr
            ? 0
            : static_cast<std::size_t>(static_cast<const char*>(feed) - frames.data()) + 1;
    const std::string_view line = frames.substr(at);
    if (line.starts_with("event:")) return line;
    if (at == 0) break;
    frames = frames.substr(0, at - 1);
  }
  return {};
}

bool ends_responses(std::string_view frames) {
  const std::string_view line = last_event_line(frames);
  if (line.empty()) {  // a relay that leaves the names out
    return holds(frames, "\"response.completed\"") || holds(frames, "\"response.incomplete\"") ||
           holds(frames, "\"response.failed\"") || holds(frames, "[DONE]");
  }
  const std::string_view tail = frames.substr(frames.size() - std::min(frames.size(), tail_max));
  return holds(line, "response.completed") || holds(line, "response.incomplete") ||
         holds(line, "response.failed") || holds(line, "error") || holds(tail, "[DONE]");
}
bool ends_messages(std::string_view frames) {
  const std::string_view line = last_event_line(frames);
  return holds(line, "message_stop") || holds(line, "error");
}

}  // namespace

void StreamEnd::see(std::string_view frames) {
  if (!any_data_)
    any_data_ = frames.starts_with("data:") || holds(frames, "\ndata:") || holds(frames, "\rdata:");
  if (ended_) return;
  switch (api_) {
    case Api::chat:
    case Api::completions:
      ended_ = ends_chat(frames);
      break;
    case Api::responses:
      ended_ = ends_responses(frames);
      break;
    case Api::messages:
      ended_ = ends_messages(frames);
      break;
    case Api::embeddings:
    case Api::models:
    case Api::response:
    case Api::generations:
    case Api::other:
      break;
  }
}

bool starts_with_error(std::string_view frames) {
  // The first data line decides; comments and the event's name may stand before it.
  while (!frames.empty()) {
    const auto end = std::min(frames.find_first_of("\r\n"), frames.size());
    std::string_view line = frames.substr(0, end);
    frames.remove_prefix(std::min(end + 1, frames.size()));
    if (line == "event: error" || line == "event:error") return true;
    if (!line.starts_with("data:")) continue;
    line.remove_prefix(5);
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    return line.starts_with("{\"error\":") || line.starts_with("{\"error\" :") ||
           line.starts_with("{ \"error\":") || line.starts_with("{\"type\":\"error\"");
  }
  return false;
}

}  // namespace hawser::dialect
