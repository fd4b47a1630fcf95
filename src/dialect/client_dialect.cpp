#include "dialect/client_dialect.hpp"

namespace hawser::dialect {
namespace {

/// Whether it is a call that one API alone has.
bool is_of_one_api(Api api) {
  switch (api) {
    case Api::chat:
    case Api::completions:
    case Api::responses:
    case Api::messages:
      return true;
    case Api::embeddings:
    case Api::models:
    case Api::response:
    case Api::generations:
    case Api::other:
      break;
  }
  return false;
}

}  // namespace

Dialect client_dialect(const Endpoint& endpoint, const wire::RequestHead& head) {
  if (endpoint.dialect != Dialect::openai || is_of_one_api(endpoint.api)) return endpoint.dialect;
  for (const char* name : {"anthropic-version", "anthropic-beta"}) {
    if (head.find(name) != nullptr) return Dialect::anthropic;
  }
  for (const char* name : {"x-goog-api-key", "x-goog-api-client"}) {
    if (head.find(name) != nullptr) return Dialect::gemini;
  }
  return endpoint.dialect;
}

}  // namespace hawser::dialect
