#include "dialect/error_body.hpp"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "dialect/answer_format.hpp"

namespace hawser::dialect {
namespace {

namespace json = boost::json;

/// How one code looks in each dialect. Sources: openai-openapi, Anthropic's errors page,
/// google.rpc.Code.
struct Words {
  int status;
  std::string_view openai_type, openai_code, anthropic, gemini;
};

constexpr Words words_of(Code code) {
  switch (code) {
    case Code::connection:
      return {502, "server_error", "connection", "api_error", "UNAVAILABLE"};
    case Code::timeout:
      return {504, "server_error", "timeout", "timeout_error", "DEADLINE_EXCEEDED"};
    case Code::rate_limit:
      return {429, "requests", "rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED"};
    case Code::overloaded:
      return {503, "server_error", "overloaded", "overloaded_error", "UNAVAILABLE"};
    case Code::authentication:
      return {401, "invalid_request_error", "invalid_api_key", "authentication_error",
              "UNAUTHENTICATED"};
    case Code::permission:
      return {403, "invalid_request_error", "permission_denied", "permission_error",
              "PERMISSION_DENIED"};
    case Code::invalid_request:
      return {400, "invalid_request_error", "", "invalid_request_error", "INVALID_ARGUMENT"};
    case Code::not_found:
      return {404, "invalid_request_error", "not_found", "not_found_error", "NOT_FOUND"};
    case Code::too_large:
      return {413, "invalid_request_error", "request_too_large", "request_too_large",
              "INVALID_ARGUMENT"};
    case Code::residency:
      return {451, "invalid_request_error", "residency", "permission_error", "FAILED_PRECONDITION"};
    case Code::filtered:
      return {400, "invalid_request_error", "content_filter", "invalid_request_error",
              "INVALID_ARGUMENT"};
    case Code::upstream:
      return {502, "server_error", "upstream", "api_error", "UNAVAILABLE"};
    case Code::cancelled:  // by its owner; not to be tried again, so below 500
      return {499, "invalid_request_error", "cancelled", "invalid_request_error", "CANCELLED"};
    case Code::internal:
      return {500, "server_error", "internal", "api_error", "INTERNAL"};
  }
  return {500, "server_error", "internal", "api_error", "INTERNAL"};
}

json::value or_null(std::string_view text) {
  return text.empty() ? json::value(nullptr) : json::value(json::string(text));
}

std::string_view code_of(const Error& error, const Words& words) {
  if (error.code == Code::not_found && error.param == "model") return "model_not_found";
  if (error.code == Code::permission && error.param == "price") return "unknown_price";
  return words.openai_code;
}

json::object openai_error(const Error& error) {
  const Words words = words_of(error.code);
  return {{"message", error.message},
          {"type", json::string(words.openai_type)},
          {"param", or_null(error.param)},
          {"code", or_null(code_of(error, words))}};
}

json::object anthropic_error(const Error& error, std::string_view request_id) {
  return {{"type", "error"},
          {"error",
           {{"type", json::string(words_of(error.code).anthropic)}, {"message", error.message}}},
          {"request_id", json::string(request_id)}};
}

json::object gemini_error(const Error& error) {
  return {{"error",
           {{"code", status_of(error)},
            {"message", error.message},
            {"status", json::string(words_of(error.code).gemini)}}}};
}

}  // namespace

int status_of(const Error& error) {
  return error.status != 0 ? error.status : words_of(error.code).status;
}

std::string error_body(Dialect dialect, const Error& error, std::string_view request_id) {
  switch (dialect) {
    case Dialect::openai:
      return json::serialize(json::object{{"error", openai_error(error)}});
    case Dialect::anthropic:
      return json::serialize(anthropic_error(error, request_id));
    case Dialect::gemini:
      return json::serialize(gemini_error(error));
  }
  return {};
}

std::string error_event(Dialect dialect, Api api, const Error& error, std::string_view request_id,
                        ResponseProgress* progress) {
  if (dialect == Dialect::anthropic) {
    return fmt::format("event: error\ndata: {}\n\n", error_body(dialect, error, request_id));
  }
  if (format_of(api) == AnswerFormat::responses) {
    ResponseProgress none;
    ResponseProgress& told = progress == nullptr ? none : *progress;
    const bool begun = told.begun();
    // The SDKs raise on a truthy "error" member; typed readers look at the event's own fields.
    json::object event = openai_error(error);
    event["type"] = "error";
    event["sequence_number"] = told.take_number();
    event["error"] = openai_error(error);
    std::string out = fmt::format("event: error\ndata: {}\n\n", json::serialize(event));
    // Others know the ends of a response only.
    if (begun) out += fmt::format("event: response.failed\ndata: {}\n\n", told.failed_data(error));
    return out;
  }
  return fmt::format("data: {}\n\n", error_body(dialect, error, request_id));
}

}  // namespace hawser::dialect
