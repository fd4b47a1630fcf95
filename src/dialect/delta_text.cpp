#include "dialect/delta_text.hpp"

#include <boost/json/parse.hpp>
#include <cstring>
#include <span>

#include "base/json.hpp"
#include "dialect/event_data.hpp"

namespace hawser::dialect {
namespace json = boost::json;
namespace {

const json::value* member(const json::value* value, std::string_view name) {
  return value != nullptr && value->is_object() ? value->get_object().if_contains(name) : nullptr;
}
const json::value* first(const json::value* value) {
  if (value == nullptr || !value->is_array() || value->get_array().empty()) return nullptr;
  return &value->get_array().front();
}

const json::value* delta_in(Api api, const json::value& event) {
  switch (api) {
    case Api::chat:
      return member(member(first(member(&event, "choices")), "delta"), "content");
    case Api::completions:
      return member(first(member(&event, "choices")), "text");
    case Api::responses: {
      const json::value* type = member(&event, "type");
      const bool text = type != nullptr && *type == "response.output_text.delta";
      return text ? member(&event, "delta") : nullptr;
    }
    case Api::messages:
      return member(member(&event, "delta"), "text");
    default:
      return nullptr;
  }
}

}  // namespace

namespace {

std::span<const std::string_view> names_of_deltas(Api api) {
  static constexpr std::string_view chat[] = {
      "\"content\":", "\"reasoning_content\":", "\"arguments\":"};
  static constexpr std::string_view completions[] = {"\"text\":"};
  static constexpr std::string_view responses[] = {"\"delta\":"};
  static constexpr std::string_view messages[] = {
      "\"text\":", "\"thinking\":", "\"partial_json\":"};
  switch (api) {
    case Api::chat:
      return chat;
    case Api::completions:
      return completions;
    case Api::responses:
      return responses;
    case Api::messages:
      return messages;
    default:
      return {};
  }
}

}  // namespace

void append_all_deltas(Api api, std::string_view frames, std::string& out) {
  std::string text;
  for (const auto name : names_of_deltas(api)) {
    for (std::size_t at = 0; at < frames.size();) {
      const void* found =
          ::memmem(frames.data() + at, frames.size() - at, name.data(), name.size());
      if (found == nullptr) break;
      at = static_cast<std::size_t>(static_cast<const char*>(found) - frames.data()) + name.size();
      JsonCursor cursor(frames.substr(at));
      cursor.skip_blanks();
      const std::size_t begin = cursor.at();
      if (!cursor.skip_string()) continue;
      text.clear();
      if (decode_json_string(cursor.since(begin), text)) out.append(text);
      at += cursor.at();
    }
  }
}

void append_delta_text(Api api, std::string_view frame, std::string& out) {
  boost::system::error_code error;
  const json::value event = json::parse(data_of(frame), error);
  if (error) return;
  const json::value* delta = delta_in(api, event);
  if (delta != nullptr && delta->is_string()) out.append(delta->get_string());
}

}  // namespace hawser::dialect
