#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "dialect/api.hpp"
#include "hawser/v1/llm.pb.h"

/// hawser.v1's messages and the providers' JSON.
namespace hawser::front::grpc {

/// The body of the call that `request` asks for, and the path that it goes to.
struct Asked {
  std::string target{};
  std::string body{};
};
/// Errors: invalid_request
Result<Asked> encode(const hawser::v1::GenerateRequest& request, bool stream);
std::string encode(const hawser::v1::EmbedRequest& request);

/// Takes one event of a provider's stream: its kind, where it is one that we know, and its bytes.
void decode_event(dialect::Api api, std::string_view name, std::string_view data,
                  hawser::v1::Event& event);
/// A whole answer.
void decode_answer(dialect::Api api, std::string_view body, hawser::v1::GenerateResponse& answer);
void decode_embeddings(std::string_view body, hawser::v1::EmbedResponse& answer);
void decode_models(std::string_view body, hawser::v1::ListModelsResponse& answer);

}  // namespace hawser::front::grpc
