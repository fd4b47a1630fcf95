#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "config/fields.hpp"
#include "policy/tags.hpp"

namespace hawser::stage::route {

struct TargetConfig {
  std::string provider{};
  std::string model{};
  policy::Tags tags{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("provider", provider, config::Required{}, "Name of an entry under providers.");
    field("model", model, config::Anything{},
          "The provider's name of the model; empty: the public name.");
    field("tags", tags, config::Anything{},
          "Where this model is there; what is not said is as for the provider.");
  }
};

/// As under generations, or for this model only.
enum class OnDisconnect : std::uint8_t { general, linger, cancel, finish };
inline auto names_of(OnDisconnect) {
  static constexpr config::EnumName<OnDisconnect> names[] = {{OnDisconnect::general, "default"},
                                                             {OnDisconnect::linger, "linger"},
                                                             {OnDisconnect::cancel, "cancel"},
                                                             {OnDisconnect::finish, "finish"}};
  return std::span(names);
}
enum class Coalesce : std::uint8_t { general, on, off };
inline auto names_of(Coalesce) {
  static constexpr config::EnumName<Coalesce> names[] = {
      {Coalesce::general, "default"}, {Coalesce::on, "on"}, {Coalesce::off, "off"}};
  return std::span(names);
}

struct ModelConfig {
  std::vector<TargetConfig> targets{};
  OnDisconnect on_disconnect = OnDisconnect::general;
  Coalesce coalesce = Coalesce::general;

  template <class Visitor>
  void fields(Visitor&& field) {
    field("targets", targets, config::Required{},
          "Where the model is served, in order of preference; later ones are fallbacks.");
    field("on_disconnect", on_disconnect, config::Anything{},
          "For this model in place of generations.on_disconnect.");
    field("coalesce", coalesce, config::Anything{},
          "For this model in place of generations.coalesce.");
  }
};

}  // namespace hawser::stage::route
