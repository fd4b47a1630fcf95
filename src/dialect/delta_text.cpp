#include "dialect/delta_text.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>

namespace hawser::dialect {
namespace json = boost::json;
namespace {

/// The data lines of a frame, joined as a client does.
std::string data_of(std::string_view frame) {
  std::string data;
  while (!frame.empty()) {
    const auto end = std::min(frame.find_first_of("\r\n"), frame.size());
    std::string_view line = frame.substr(0, end);
    frame.remove_prefix(std::min(end + 1, frame.size()));
    if (!line.starts_with("data:")) continue;
    line.remove_prefix(5);
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (!data.empty()) data.push_back('\n');
    data.append(line);
  }
  return data;
}

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

void append_delta_text(Api api, std::string_view frame, std::string& out) {
  boost::system::error_code error;
  const json::value event = json::parse(data_of(frame), error);
  if (error) return;
  const json::value* delta = delta_in(api, event);
  if (delta != nullptr && delta->is_string()) out.append(delta->get_string());
}

}  // namespace hawser::dialect
