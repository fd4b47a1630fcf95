#include "exchange/model_asked.hpp"

namespace hawser::exchange {

std::optional<std::string_view> model_asked(const Exchange& exchange) {
  using dialect::ModelPlace;
  const auto& facts = exchange.request.facts;
  switch (exchange.request.endpoint.traits().model) {
    case ModelPlace::nowhere:
      return "";
    case ModelPlace::hidden:
      return std::nullopt;
    case ModelPlace::body:
    case ModelPlace::optional:
    case ModelPlace::path:
      break;
  }
  if (!facts.has_model || facts.other_models) return std::nullopt;
  return facts.model;
}

}  // namespace hawser::exchange
