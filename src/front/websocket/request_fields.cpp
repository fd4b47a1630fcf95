#include "front/websocket/request_fields.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "wire/http1.hpp"

namespace hawser::front::websocket {

bool valid_method(std::string_view method) {
  return wire::served_method(method);
}

bool valid_target(std::string_view target) {
  if (!target.starts_with("/v1/") && !target.starts_with("/v1beta/")) return false;
  return target.size() <= 16 * 1024 && std::all_of(target.begin(), target.end(), [](char c) {
           return c > 0x20 && c < 0x7f && c != '#';
         });
}

Result<> read_fields(std::string_view object, const exchange::FieldList& bound,
                     exchange::FieldList& fields) {
  if (object.empty() || object == "null") return {};
  const auto refused = [](std::string message) {
    return Error{.code = Code::invalid_request, .message = std::move(message)};
  };
  Result<> read;
  const bool whole = for_each_member(object, [&](std::string_view name, std::string_view value) {
    std::string field, text;
    if (!decode_json_string(name, field) || !decode_json_string(value, text)) {
      read = refused("Each member of \"h\" must be a text.");
    } else {
      read = exchange::add_frame_field(fields, bound, std::move(field), std::move(text));
    }
    return static_cast<bool>(read);
  });
  if (!read) return read;
  if (!whole) return refused("\"h\" must be an object.");
  return read;
}

}  // namespace hawser::front::websocket
