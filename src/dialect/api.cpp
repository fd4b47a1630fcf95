#include "dialect/api.hpp"

namespace hawser::dialect {

bool streams_texts(Api api) {
  switch (api) {
    case Api::chat:
    case Api::completions:
    case Api::responses:
    case Api::messages:
    case Api::response:
      return true;
    case Api::embeddings:
    case Api::models:
    case Api::generations:
    case Api::other:
      break;
  }
  return false;
}

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

}  // namespace hawser::dialect
