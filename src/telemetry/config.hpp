#pragma once

#include <array>
#include <string>

#include "config/fields.hpp"
#include "policy/tags.hpp"

namespace hawser::telemetry {

enum class LogLevel : std::uint8_t { debug, info, warn, error };
constexpr std::array<config::EnumName<LogLevel>, 4> names_of(LogLevel) {
  return {{{LogLevel::debug, "debug"},
           {LogLevel::info, "info"},
           {LogLevel::warn, "warn"},
           {LogLevel::error, "error"}}};
}

struct LogConfig {
  LogLevel level = LogLevel::info;
  std::string access_log = "stdout";
  Bytes access_log_queue_max{4 * 1024 * 1024};
  std::uint32_t refusals_burst = 100;
  std::uint32_t refusals_per_second = 10;
  policy::Tags tags{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("level", level, config::Anything{}, "Least severity that is logged (to stderr).");
    field("access_log", access_log, config::Anything{},
          "One JSON line for each exchange: stdout, stderr, off or a file path (reopened on "
          "SIGHUP).");
    field("access_log_queue_max", access_log_queue_max,
          config::Range<Bytes>{Bytes{64 * 1024}, Bytes{1024ull * 1024 * 1024}},
          "Lines that wait to be written; beyond it they are dropped and counted.");
    field("refusals_burst", refusals_burst, config::Range<std::uint32_t>{1, 1'000'000},
          "Requests of one client address that were refused before any provider was asked, each "
          "logged by its own line, that may come at once to a worker. Those beyond are counted: "
          "the next line of the address says how many, as `suppressed`.");
    field("refusals_per_second", refusals_per_second, config::Range<std::uint32_t>{0, 1'000'000},
          "How many more of them each second allows.");
    field("tags", tags, config::Anything{},
          "Where the logs end up, for rules of residency; what is not said is as for node.");
  }
};

}  // namespace hawser::telemetry
