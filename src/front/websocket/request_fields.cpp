#include "front/websocket/request_fields.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "wire/http1.hpp"

namespace hawser::front::websocket {
namespace {

bool is_token(std::string_view name) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !name.empty() && name.size() <= 256 &&
         std::all_of(name.begin(), name.end(), [marks](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  marks.find(c) != std::string_view::npos;
         });
}

/// What the connection says already, and what says how long a body is.
bool is_ours(std::string_view name) {
  for (const std::string_view own :
       {"authorization", "x-api-key", "api-key", "x-goog-api-key", "host", "content-length",
        "expect", "cookie", "sec-websocket-key", "x-hawser-resumable"}) {
    if (wire::same_token(name, own)) return true;
  }
  return wire::hop_by_hop(name);
}

}  // namespace

bool valid_field_value(std::string_view value) {
  if (value.size() > 8192) return false;
  if (!value.empty() && (value.front() == ' ' || value.back() == ' ')) return false;
  return std::all_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

bool valid_method(std::string_view method) {
  return wire::served_method(method);
}

bool valid_target(std::string_view target) {
  if (!target.starts_with("/v1/") && !target.starts_with("/v1beta/")) return false;
  return target.size() <= 16 * 1024 && std::all_of(target.begin(), target.end(), [](char c) {
           return c > 0x20 && c < 0x7f && c != '#';
         });
}

std::string read_fields(std::string_view object,
                        std::vector<std::pair<std::string, std::string>>& fields) {
  if (object.empty() || object == "null") return {};
  std::string problem;
  const bool whole = for_each_member(object, [&](std::string_view name, std::string_view value) {
    std::string field, text;
    if (!decode_json_string(name, field) || !is_token(field)) {
      problem = "\"h\" holds a name that no header may have.";
    } else if (!decode_json_string(value, text) || !valid_field_value(text)) {
      problem = "The header \"" + field + "\" must be a text without control characters.";
    } else if (fields.size() >= 64) {
      problem = "\"h\" holds more than 64 headers.";
    } else if (!is_ours(field)) {
      fields.emplace_back(std::move(field), std::move(text));
    }
    return problem.empty();
  });
  if (!whole && problem.empty()) problem = "\"h\" must be an object.";
  return problem;
}

}  // namespace hawser::front::websocket
