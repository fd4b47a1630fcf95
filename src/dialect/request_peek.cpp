#include "dialect/request_peek.hpp"

#include <charconv>
#include <limits>
#include <utility>

#include "base/json.hpp"

namespace hawser::dialect {
namespace {

Error not_json() {
  return {
      .code = Code::invalid_request,
      .message = "We could not parse the JSON body of your request: it must be one JSON object."};
}
Error twice(const char* field) {
  return {.code = Code::invalid_request,
          .message = std::string("Duplicate field '") + field + "' in the request body.",
          .param = field};
}
Error not_a(const char* field, const char* type) {
  return {.code = Code::invalid_request,
          .message = std::string("Invalid type for '") + field + "': expected " + type + ".",
          .param = field};
}

bool name_is(std::string_view token, std::string_view name, std::string& scratch) {
  const std::string_view plain = token.substr(1, token.size() - 2);
  if (plain == name) return true;
  if (plain.find('\\') == std::string_view::npos) return false;
  return decode_json_string(token, scratch) && scratch == name;
}

Result<> take_model(std::string_view token, std::uint32_t at, RequestFacts& facts) {
  if (facts.has_model) return twice("model");
  if (token == "null") return {};
  if (token.front() != '"') return not_a("model", "a string");
  if (!decode_json_string(token, facts.model)) return not_json();
  facts.has_model = true;
  facts.model_at = at;
  facts.model_size = static_cast<std::uint32_t>(token.size());
  return {};
}

void take_output_max(std::string_view token, RequestFacts& facts) {
  std::uint32_t most = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), most);
  if (error == std::errc{} && end == token.data() + token.size()) facts.output_max = most;
}

/// What policies look at and nobody must be sure of: wrong types are the provider's to refuse.
void take_soft(std::string_view name, std::string_view value, RequestFacts& facts) {
  switch (name.size()) {
    case 6:
      if (name == "\"user\"" && value.front() == '"' && facts.user.empty()) facts.user = value;
      break;
    case 19:
      if (name == "\"safety_identifier\"" && value.front() == '"') facts.user = value;
      if (name == "\"max_output_tokens\"") take_output_max(value, facts);
      break;
    case 12:
      if (name == "\"max_tokens\"") take_output_max(value, facts);
      break;
    case 23:
      if (name == "\"max_completion_tokens\"") take_output_max(value, facts);
      break;
    default:
      break;
  }
}

Result<> take_stream(std::string_view token, bool& seen, RequestFacts& facts) {
  if (std::exchange(seen, true)) return twice("stream");
  facts.stream = token == "true";
  if (facts.stream || token == "false" || token == "null") return {};
  return not_a("stream", "a boolean");
}

}  // namespace

Result<> peek_request(std::string_view body, RequestFacts& facts) {
  facts = {};
  if (body.size() > std::numeric_limits<std::uint32_t>::max()) {
    return Error{.code = Code::too_large, .message = "The JSON body is larger than 4 GiB."};
  }
  JsonCursor cursor(body);
  std::string scratch;
  bool stream_seen = false;
  if (!cursor.take('{')) return not_json();
  bool more = !cursor.take('}');
  while (more) {
    const std::size_t name_at = cursor.at();
    if (!cursor.skip_string()) return not_json();
    const std::string_view name = cursor.since(name_at);
    if (!cursor.take(':')) return not_json();
    const std::size_t value_at = cursor.at();
    if (!cursor.skip_value()) return not_json();
    const std::string_view value = cursor.since(value_at);
    Result<> taken;
    if (name_is(name, "model", scratch))
      taken = take_model(value, static_cast<std::uint32_t>(value_at), facts);
    if (name_is(name, "stream", scratch)) taken = take_stream(value, stream_seen, facts);
    if (!taken) return taken;
    take_soft(name, value, facts);
    if (cursor.take(',')) continue;
    if (!cursor.take('}')) return not_json();
    more = false;
  }
  cursor.skip_blanks();
  if (!cursor.at_end()) return not_json();
  return {};
}

}  // namespace hawser::dialect
