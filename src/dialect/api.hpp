#pragma once

#include <cstdint>
#include <string_view>

namespace hawser::dialect {

/// The wire format that a client speaks: decides how errors and stream ends look.
enum class Dialect : std::uint8_t { openai, anthropic, gemini };

/// The wire form of an operation's answers: how usage, deltas and ends look. Which requests are of
/// which form is for `operation.hpp` to say, and what policies do about a request is its traits'.
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

/// Whether the texts of such a stream can be followed from event to event.
bool streams_texts(Api api);

/// OpenTelemetry's gen_ai.operation.name.
std::string_view operation_of(Api api);

}  // namespace hawser::dialect
