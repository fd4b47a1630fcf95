#pragma once

#include <string>
#include <utility>

#include "exchange/exchange.hpp"

namespace hawser::stage::admit {

/// A target of the provider "p" for tests, named after its model.
inline exchange::Target test_target(std::string model) {
  exchange::Target out;
  out.name = "p/" + model;
  out.provider_name = "p";
  out.model = std::move(model);
  return out;
}

}  // namespace hawser::stage::admit
