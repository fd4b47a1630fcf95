#include "dialect/answer_format.hpp"

namespace hawser::dialect {

AnswerFormat format_of(Api api) {
  switch (api) {
    case Api::chat:
      return AnswerFormat::chat;
    case Api::completions:
      return AnswerFormat::completions;
    case Api::responses:
      return AnswerFormat::responses;
    case Api::messages:
      return AnswerFormat::messages;
    case Api::embeddings:
    case Api::models:
    case Api::response:
    case Api::generations:
    case Api::other:
      break;
  }
  return AnswerFormat::other;
}

AnswerFormat format_of(const Endpoint& endpoint) {
  const Operation operation = endpoint.operation();
  const bool gemini =
      operation == Operation::gemini_generate || operation == Operation::gemini_stream;
  return gemini ? AnswerFormat::gemini : format_of(endpoint.api);
}

}  // namespace hawser::dialect
