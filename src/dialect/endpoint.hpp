#pragma once

#include <string>
#include <string_view>

#include "dialect/operation.hpp"

namespace hawser::dialect {

/// What a method and a canonical path ask for.
struct Endpoint {
  bool known = false;  // false: not under /v1/ or /v1beta/, so nobody serves it
  Dialect dialect = Dialect::openai;
  Api api = Api::other;
  OperationMatch match{};
  std::string_view tail{};  // what follows the version: "/chat/completions"

  /// The model that the path names, percent-encoded; empty: it names none.
  std::string_view model() const { return tail.substr(match.model.at, match.model.size); }
  /// The id of the object that the path names, percent-encoded; empty: it names none.
  std::string_view object() const { return tail.substr(match.object.at, match.object.size); }
  Operation operation() const { return match.operation; }
  const OperationTraits& traits() const { return traits_of(match.operation); }
};

/// Whether a path belongs to the API at all.
inline bool under_api(std::string_view path) {
  return path.starts_with("/v1/") || path.starts_with("/v1beta/");
}

/// @param path  canonical: "/v1/chat/completions", without query. Views of the result point into it
Endpoint endpoint_of(std::string_view method, std::string_view path);

/// The tail of an endpoint whose path names a model, with another model in its place.
std::string with_model(const Endpoint& endpoint, std::string_view model);

}  // namespace hawser::dialect
