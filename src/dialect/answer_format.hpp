#pragma once

#include <cstdint>

#include "dialect/endpoint.hpp"

namespace hawser::dialect {

/// How an answer says what it says: where its text, its usage and its end stand.
enum class AnswerFormat : std::uint8_t {
  chat,
  completions,
  responses,
  messages,
  gemini,  // generateContent
  other,   // no text, no end and no error of it are known; usage may be told
};

AnswerFormat format_of(Api api);
AnswerFormat format_of(const Endpoint& endpoint);

/// Whether a client waits for something that is generated: only then there is a first content to be
/// waited for, an end that can be missing, and something that can be asked again.
inline bool generates(AnswerFormat format) {
  return format != AnswerFormat::other;
}

}  // namespace hawser::dialect
