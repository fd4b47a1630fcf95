#include "dialect/api.hpp"

namespace hawser::dialect {
namespace {

struct Call {
  std::string_view tail;
  Api api;
};
constexpr Call posts[] = {
    {"/chat/completions", Api::chat},   {"/responses", Api::responses},
    {"/completions", Api::completions}, {"/embeddings", Api::embeddings},
    {"/messages", Api::messages},
};

}  // namespace

std::string_view operation_of(Api api) {
  switch (api) {
    case Api::chat:
    case Api::responses:
    case Api::messages:
      return "chat";
    case Api::completions:
      return "text_completion";
    case Api::embeddings:
      return "embeddings";
    case Api::models:
    case Api::response:
    case Api::generations:
    case Api::other:
      break;
  }
  return "other";
}

Endpoint endpoint_of(std::string_view method, std::string_view path) {
  Endpoint endpoint;
  if (path.starts_with("/v1/")) {
    endpoint.tail = path.substr(3);
  } else if (path.starts_with("/v1beta/")) {
    endpoint.tail = path.substr(7);
    endpoint.dialect = Dialect::gemini;
  } else {
    return endpoint;
  }
  endpoint.known = true;
  if (endpoint.tail.starts_with("/messages")) endpoint.dialect = Dialect::anthropic;
  if (endpoint.tail.starts_with("/generations/")) endpoint.api = Api::generations;
  if (endpoint.tail.starts_with("/responses/")) endpoint.api = Api::response;
  if (method == "GET" && endpoint.tail == "/models") endpoint.api = Api::models;
  if (method != "POST") return endpoint;
  for (const Call& call : posts) {
    if (endpoint.tail == call.tail) endpoint.api = call.api;
  }
  return endpoint;
}

}  // namespace hawser::dialect
