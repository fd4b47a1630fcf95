#pragma once

#include <optional>
#include <string>

#include "calls.hpp"

/// Requests and answers of the APIs that the client knows, as JSON.
namespace hawser::sdk {

std::string encode(const ChatRequest& request, bool stream);
std::string encode(const ResponseRequest& request, bool stream);
std::string encode_embedding(std::string_view model, const std::vector<std::string>& inputs);

/// False: it is not what the API answers.
bool read(std::string_view body, ChatAnswer& answer);
bool read(std::string_view body, ResponseAnswer& answer);
bool read(std::string_view body, EmbeddingAnswer& answer);
bool read_models(std::string_view body, std::vector<std::string>& names);

/// One event of a stream taken in.
struct Taken {
  std::string text{};  // that it adds
  bool last = false;
  std::optional<ApiError> error{};
};
Taken take_event(const StreamEvent& event, ChatAnswer& answer);
Taken take_event(const StreamEvent& event, ResponseAnswer& answer);

}  // namespace hawser::sdk
