#include "dialect/response_event.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "dialect/json_walk.hpp"
#include "wire/sse.hpp"

namespace hawser::dialect {
namespace json = boost::json;

std::optional<std::uint64_t> sequence_number(std::string_view frame) {
  std::string scratch;
  return json_number(wire::frame_parts(frame, scratch).data, "sequence_number");
}

std::optional<ResponseObject> response_object(std::string_view frame) {
  std::string scratch;
  const std::string_view data = wire::frame_parts(frame, scratch).data;
  const std::string_view response = json_member(data, "response");
  if (!is_object(response) || !is_json(response)) return std::nullopt;
  auto id = json_text(response, "id");
  if (!id) return std::nullopt;
  return ResponseObject{std::move(*id), std::string(response)};
}

std::string with_status(const std::string& response, std::string_view status) {
  boost::system::error_code error;
  json::value value = json::parse(response, error);
  if (error || !value.is_object()) return response;
  value.get_object()["status"] = status;
  return json::serialize(value);
}

// --- ResponseProgress

void ResponseProgress::see(std::string_view frames) {
  std::string scratch;
  while (!frames.empty()) {
    const std::size_t size = wire::first_frame(frames).size;
    const auto parts = wire::frame_parts(frames.substr(0, size), scratch);
    if (parts.has_data) see_data(parts.data);
    frames.remove_prefix(size);
  }
}

void ResponseProgress::see_data(std::string_view data) {
  std::string_view type, number, response;
  const bool whole = for_each_named(data, [&](std::string_view name, std::string_view value) {
    if (name == "type") type = value;
    if (name == "sequence_number") number = value;
    if (name == "response") response = value;
    return true;
  });
  if (!whole) return;
  std::uint64_t known = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), known);
  const bool numbered = !number.empty() && error == std::errc{};
  next_number_ = (numbered ? known : next_number_) + 1;
  if (!is_object(response)) return;
  const auto keep = [response](std::string_view name, std::string& token) {
    constexpr std::size_t most = 512;
    const auto value = json_member(response, name);
    if (value.size() <= most && is_json(value)) token = value;
  };
  if (id_.empty()) {
    keep("id", id_);
    keep("created_at", created_at_);
    keep("model", model_);
  }
  ended_ = type == "\"response.completed\"" || type == "\"response.incomplete\"" ||
           type == "\"response.failed\"";
}

namespace {

/// Of the codes that the API knows. Source: openai-openapi, ResponseErrorCode.
std::string_view response_code(Code code) {
  switch (code) {
    case Code::rate_limit:
      return "rate_limit_exceeded";
    case Code::invalid_request:
    case Code::too_large:
    case Code::residency:
    case Code::filtered:
      return "invalid_prompt";
    case Code::connection:
    case Code::timeout:
    case Code::overloaded:
    case Code::authentication:
    case Code::permission:
    case Code::not_found:
    case Code::upstream:
    case Code::cancelled:
    case Code::internal:
      break;
  }
  return "server_error";
}

}  // namespace

std::string ResponseProgress::failed_data(const Error& error) {
  std::string out = R"({"type":"response.failed","sequence_number":)";
  out.append(std::to_string(take_number())).append(R"(,"response":{"id":)").append(id_);
  out.append(R"(,"object":"response","created_at":)");
  out.append(created_at_.empty() ? "0" : created_at_);
  out.append(R"(,"status":"failed","error":{"code":")").append(response_code(error.code));
  out.append(R"(","message":)");
  append_json_string(out, error.message);
  out.append(R"(},"incomplete_details":null,"instructions":null,"metadata":{},"model":)");
  out.append(model_.empty() ? R"("")" : model_);
  out.append(R"(,"output":[],"parallel_tool_calls":true,"temperature":null,"tool_choice":"auto",)");
  out.append(R"("tools":[],"top_p":null,"usage":null}})");
  ended_ = true;
  return out;
}

}  // namespace hawser::dialect
