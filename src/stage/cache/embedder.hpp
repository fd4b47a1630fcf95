#pragma once

#include <memory>
#include <string>
#include <vector>

#include "http/breaker.hpp"
#include "http/endpoint.hpp"

namespace hawser::stage::cache {

using Vector = std::vector<float>;  // of length 1

/// The text's place among others, as OpenAI's /v1/embeddings answers it.
/// Error: upstream when it is not of that form.
Result<Vector> parse_embedding(std::string_view body);

/// Asks an embedding model; of one worker.
class Embedder {
 public:
  Embedder(std::shared_ptr<const http::Endpoint> endpoint, std::shared_ptr<http::OriginPool> pool,
           std::string model, milliseconds timeout, const http::BreakerConfig& breaker)
      : endpoint_(std::move(endpoint)),
        pool_(std::move(pool)),
        model_(std::move(model)),
        timeout_(timeout),
        breaker_(breaker) {}

  /// Errors: timeout, connection, upstream; overloaded while it is left alone
  Task<Result<Vector>> embed(std::string text);

 private:
  std::shared_ptr<const http::Endpoint> endpoint_;
  std::shared_ptr<http::OriginPool> pool_;
  std::string model_;
  milliseconds timeout_;
  http::Breaker breaker_;
};

}  // namespace hawser::stage::cache
