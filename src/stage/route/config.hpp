#pragma once

#include <string>
#include <vector>

#include "config/fields.hpp"

namespace hawser::stage::route {

struct TargetConfig {
  std::string provider{};
  std::string model{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("provider", provider, config::Required{}, "Name of an entry under providers.");
    field("model", model, config::Anything{},
          "The provider's name of the model; empty: the public name.");
  }
};

struct ModelConfig {
  std::vector<TargetConfig> targets{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("targets", targets, config::Required{},
          "Where the model is served, in order of preference; later ones are fallbacks.");
  }
};

}  // namespace hawser::stage::route
