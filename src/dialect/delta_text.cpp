#include "dialect/delta_text.hpp"

#include <boost/json/parse.hpp>

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

void append_delta_text(Api api, std::string_view frame, std::string& out) {
  boost::system::error_code error;
  const json::value event = json::parse(data_of(frame), error);
  if (error) return;
  const json::value* delta = delta_in(api, event);
  if (delta != nullptr && delta->is_string()) out.append(delta->get_string());
}

}  // namespace hawser::dialect
