#pragma once

#include "base/clock.hpp"
#include "config/fields.hpp"

namespace hawser::health {

/// When a target is left alone for a while. Only models with several targets are concerned: where
/// there is no other one, it is asked.
struct HealthConfig {
  std::uint32_t failures_in_a_row = 5;
  std::uint32_t failures_percent = 50;
  std::uint32_t samples_min = 10;
  std::chrono::milliseconds pause{5'000};
  std::chrono::milliseconds pause_max{60'000};
  std::chrono::milliseconds credential_pause{3'600'000};
  std::chrono::milliseconds slow_start{60'000};
  std::chrono::milliseconds wait_max{30'000};
  std::chrono::milliseconds retry_after_max{300'000};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("failures_in_a_row", failures_in_a_row, config::Range<std::uint32_t>{1, 1000},
          "So many failures in a row open a target's breaker: the others are asked.");
    field("failures_percent", failures_percent, config::Range<std::uint32_t>{1, 100},
          "Or this share of the tries of the last 30 seconds.");
    field("samples_min", samples_min, config::Range<std::uint32_t>{1, 100'000},
          "Tries that such a share needs.");
    field("pause", pause, config::Range<milliseconds>{100ms, 1h},
          "How long a breaker stays open; then one request tries it. Doubles with each time that "
          "fails.");
    field("pause_max", pause_max, config::Range<milliseconds>{100ms, 24h}, "Upper bound of that.");
    field("credential_pause", credential_pause, config::Range<milliseconds>{1s, 24h},
          "How long a provider is avoided that refused the credential or has no quota left (401, "
          "402, insufficient_quota).");
    field("slow_start", slow_start, config::Range<milliseconds>{0ms, 1h},
          "Over so long a target that came back gets its full share again.");
    field("wait_max", wait_max, config::Range<milliseconds>{0ms, 10min},
          "Where all targets named a time to come back: how long a request waits for the first of "
          "them; beyond that it is refused with that time.");
    field("retry_after_max", retry_after_max, config::Range<milliseconds>{1s, 24h},
          "Longest time that a target is left alone because its provider named one (Retry-After "
          "as a number or a date, limits' reset times): whatever it says, it is asked again then.");
  }
  std::vector<config::Problem> check() const {
    if (pause <= pause_max) return {};
    return {{"pause", "must not be above pause_max"}};
  }
};

}  // namespace hawser::health
