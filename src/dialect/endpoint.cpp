#include "dialect/endpoint.hpp"

#include "wire/percent.hpp"

namespace hawser::dialect {

Endpoint endpoint_of(std::string_view method, std::string_view path) {
  Endpoint endpoint;
  bool gemini = false;
  if (path.starts_with("/v1/")) {
    endpoint.tail = path.substr(3);
  } else if (path.starts_with("/v1beta/")) {
    endpoint.tail = path.substr(7);
    gemini = true;
  } else {
    return endpoint;
  }
  endpoint.known = true;
  endpoint.match = match_operation(method, endpoint.tail, gemini);
  endpoint.api = endpoint.traits().api;
  if (gemini || endpoint.traits().grant == "gemini") endpoint.dialect = Dialect::gemini;
  if (endpoint.tail.starts_with("/messages")) endpoint.dialect = Dialect::anthropic;
  return endpoint;
}

std::string with_model(const Endpoint& endpoint, std::string_view model) {
  const auto& part = endpoint.match.model;
  std::string tail(endpoint.tail.substr(0, part.at));
  wire::append_percent_encoded(tail, model);
  return tail.append(endpoint.tail.substr(std::size_t{part.at} + part.size));
}

}  // namespace hawser::dialect
