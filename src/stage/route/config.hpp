#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/fields.hpp"
#include "policy/tags.hpp"
#include "policy/timeouts.hpp"

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

/// Which of several targets is asked.
enum class Balance : std::uint8_t { order, latency };
inline auto names_of(Balance) {
  static constexpr config::EnumName<Balance> names[] = {{Balance::order, "order"},
                                                        {Balance::latency, "latency"}};
  return std::span(names);
}

struct HedgeConfig {
  std::chrono::milliseconds after{800};
  std::uint32_t percent = 5;

  template <class Visitor>
  void fields(Visitor&& field) {
    field(
        "after", after, config::Range<milliseconds>{10ms, 10min},
        "When no content has come so long after the request, a second target is asked; later where "
        "the first one is usually later (what 95 of 100 of its answers begin within).");
    field("percent", percent, config::Range<std::uint32_t>{1, 20},
          "Of the model's requests, at most: both targets are paid.");
  }
};

struct ModelConfig {
  std::vector<TargetConfig> targets{};
  OnDisconnect on_disconnect = OnDisconnect::general;
  Coalesce coalesce = Coalesce::general;
  Balance balance = Balance::order;
  std::optional<HedgeConfig> hedge{};
  policy::Timeouts timeouts{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("targets", targets, config::Required{},
          "Where the model is served, in order of preference; later ones are fallbacks.");
    field("on_disconnect", on_disconnect, config::Anything{},
          "For this model in place of generations.on_disconnect.");
    field("coalesce", coalesce, config::Anything{},
          "For this model in place of generations.coalesce.");
    field("balance", balance, config::Anything{},
          "order: the first target that is well; latency: the faster ones more often, among those "
          "that are as near and as much preferred.");
    field("hedge", hedge, config::Anything{},
          "Asks a second target when the first one is late; off where this is missing.");
    field("timeouts", timeouts, config::Anything{}, "Deadlines of this model.");
  }
};

}  // namespace hawser::stage::route
