#include "dialect/stream_end.hpp"

#include <algorithm>

namespace hawser::dialect {
namespace {

bool holds(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// A finish reason that is set: `"finish_reason":"stop"`, with or without a blank, but not null.
bool has_finish_reason(std::string_view frames) {
  constexpr std::string_view key = "\"finish_reason\":";
  for (auto at = frames.find(key); at != std::string_view::npos; at = frames.find(key, at + 1)) {
    const auto value = frames.find_first_not_of(' ', at + key.size());
    if (value != std::string_view::npos && frames[value] == '"') return true;
  }
  return false;
}

bool ends_chat(std::string_view frames) {
  return has_finish_reason(frames) || holds(frames, "[DONE]") || holds(frames, "\"error\":");
}
bool ends_responses(std::string_view frames) {
  return holds(frames, "\"response.completed\"") || holds(frames, "\"response.incomplete\"") ||
         holds(frames, "\"response.failed\"") || holds(frames, "\"type\":\"error\"") ||
         holds(frames, "event: error") || holds(frames, "[DONE]");
}
bool ends_messages(std::string_view frames) {
  return holds(frames, "message_stop") || holds(frames, "event: error");
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
