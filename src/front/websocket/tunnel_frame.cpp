#include "front/websocket/tunnel_frame.hpp"

#include <algorithm>

#include "base/base64.hpp"
#include "base/json.hpp"
#include "front/websocket/request_fields.hpp"
#include "wire/http1.hpp"

namespace hawser::front::websocket {
namespace {

Error invalid(std::string message) {
  return {.code = Code::invalid_request, .message = std::move(message)};
}

/// Where the rest of a generation is; nothing when `entry` names no place in one.
std::optional<std::string> resume_target(std::string_view entry) {
  constexpr std::size_t longest = 64;  // ids of generations are shorter, and so are places
  const auto generation = json_text(entry, "gen");
  std::string after(json_member(entry, "after"));  // [epoch,seq], or a number
  std::erase_if(after, [](char c) { return c == '[' || c == ']' || c == ' ' || c == '"'; });
  std::replace(after.begin(), after.end(), ',', '.');
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto in_id = [&](char c) { return c == '-' || (c >= 'a' && c <= 'z') || is_digit(c); };
  const auto in_after = [&](char c) { return c == '.' || is_digit(c); };
  if (!generation || generation->size() > longest || after.size() > longest ||
      !std::all_of(generation->begin(), generation->end(), in_id) ||
      !std::all_of(after.begin(), after.end(), in_after)) {
    return std::nullopt;
  }
  return "/v1/generations/" + *generation + "/events?after=" + after;
}

}  // namespace

std::optional<std::string> id_of_frame(std::string_view frame) {
  auto id = json_text(frame, "id");
  if (!id || id->empty() || id->size() > tunnel_id_max) return std::nullopt;
  return id;
}

Result<TunnelRequest> read_request(std::string_view frame, const exchange::FieldList& bound) {
  TunnelRequest out;
  exchange::Call::Given& given = out.given;
  given.method = json_text(frame, "m").value_or("POST");
  given.target = json_text(frame, "p").value_or("");
  if (!valid_method(given.method)) {
    Error error = invalid("\"m\" is no method that is served.");
    error.status = 501;
    return error;
  }
  if (!valid_target(given.target)) return invalid("\"p\" must be a path under /v1.");
  const auto read = read_fields(json_member(frame, "h"), bound, given.fields);
  if (!read) return read.error();
  if (auto named = json_text(frame, "idem")) {
    const auto added =
        exchange::add_frame_field(given.fields, {}, "Idempotency-Key", std::move(*named));
    if (!added) return added.error();
  }
  if (const auto body = json_member(frame, "b"); !body.empty() && body != "null") {
    given.body = body;
  } else if (const auto coded = json_text(frame, "b64")) {
    auto bytes = decode_base64(*coded);
    if (!bytes) return invalid("\"b64\" is not base64.");
    given.body = std::move(*bytes);
  }
  out.ttl = milliseconds(static_cast<long long>(
      std::min<std::uint64_t>(json_number(frame, "ttl").value_or(0), 86'400'000)));
  out.parts = json_member(frame, "parts") == "true";
  const bool typed = std::any_of(given.fields.begin(), given.fields.end(), [](const auto& field) {
    return wire::same_token(field.first, "content-type");
  });
  if ((!given.body.empty() || out.parts) && !typed) {
    given.fields.emplace_back("Content-Type", "application/json");
  }
  return out;
}

Result<std::vector<Resume>> read_resumes(std::string_view frame, std::size_t most) {
  std::vector<Resume> out;
  const std::string_view list = json_member(frame, "resume");
  if (list.empty() || list == "null") return out;
  const Error malformed = invalid("resume is a list of objects, each with an id");
  JsonCursor cursor(list);
  if (!cursor.take('[')) return malformed;
  if (cursor.take(']')) return out;
  do {
    const std::size_t at = cursor.at();
    if (cursor.peek() != '{' || !cursor.skip_value()) return malformed;
    const std::string_view entry = cursor.since(at);
    auto id = id_of_frame(entry);
    if (!id) return malformed;
    if (out.size() >= most) {
      return Error{.code = Code::too_large,
                   .message = "resume names more requests than max_streams"};
    }
    out.push_back({std::move(*id), resume_target(entry)});
  } while (cursor.take(','));
  return out;
}

}  // namespace hawser::front::websocket
