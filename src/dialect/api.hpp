#pragma once

#include <cstdint>
#include <string_view>

namespace hawser::dialect {

/// The wire format that a client speaks: decides how errors and stream ends look.
enum class Dialect : std::uint8_t { openai, anthropic, gemini };

/// What kind of call a path is; `generations` are ours, `other` passes untouched.
enum class Api : std::uint8_t {
  chat,
  completions,
  responses,
  embeddings,
  messages,
  models,
  response,  // one that was made: GET, its cancel
  generations,
  other
};

/// OpenTelemetry's gen_ai.operation.name.
std::string_view operation_of(Api api);

struct Endpoint {
  bool known = false;  // false: not under /v1/ or /v1beta/, so nobody serves it
  Dialect dialect = Dialect::openai;
  Api api = Api::other;
  std::string_view tail{};  // what follows the version: "/chat/completions"
};

/// @param path  "/v1/chat/completions", without query
Endpoint endpoint_of(std::string_view method, std::string_view path);

}  // namespace hawser::dialect
