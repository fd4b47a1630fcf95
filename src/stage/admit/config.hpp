#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "config/fields.hpp"

namespace hawser::stage::admit {

/// What a limit is set for: each of them, or each combination of them, has its own.
enum class By : std::uint8_t { address, key, user, team, tenant, model, target };
inline auto names_of(By) {
  static constexpr config::EnumName<By> names[] = {
      {By::address, "address"}, {By::key, "key"},     {By::user, "user"},    {By::team, "team"},
      {By::tenant, "tenant"},   {By::model, "model"}, {By::target, "target"}};
  return std::span(names);
}

/// What a limit counts.
enum class Unit : std::uint8_t { requests, input_tokens, output_tokens, tokens, concurrent };
inline auto names_of(Unit) {
  static constexpr config::EnumName<Unit> names[] = {{Unit::requests, "requests"},
                                                     {Unit::input_tokens, "input_tokens"},
                                                     {Unit::output_tokens, "output_tokens"},
                                                     {Unit::tokens, "tokens"},
                                                     {Unit::concurrent, "concurrent"}};
  return std::span(names);
}

enum class Algorithm : std::uint8_t { token_bucket, leaky_bucket };
inline auto names_of(Algorithm) {
  static constexpr config::EnumName<Algorithm> names[] = {
      {Algorithm::token_bucket, "token_bucket"}, {Algorithm::leaky_bucket, "leaky_bucket"}};
  return std::span(names);
}

struct RateLimitConfig {
  std::string name{};
  std::vector<By> by{};
  Unit unit = Unit::requests;
  std::string rate{};
  std::uint64_t burst = 0;
  std::uint32_t max = 0;
  Algorithm algorithm = Algorithm::token_bucket;
  bool nodelay = true;
  milliseconds wait_max{5'000};
  std::vector<std::string> tenants{};
  std::vector<std::string> keys{};
  std::vector<std::string> models{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("name", name, config::Required{}, "Name in refusals, headers and figures.");
    field("by", by, config::Anything{},
          "Who shares it: each of these has its own, several together each combination; empty: "
          "all share one. target is the one that is asked.");
    field("unit", unit, config::Anything{}, "What is counted.");
    field("rate", rate, config::Anything{},
          "How much a second, minute, hour or day: 5r/s, 60/m, 200k/m, 10M/d. Not for concurrent.");
    field(
        "burst", burst, config::Range<std::uint64_t>{0, 1'000'000'000'000},
        "How much at once; 0: as much as comes in one second, minute, hour or day of the rate. Of "
        "a leaky_bucket: how many may wait.");
    field("max", max, config::Range<std::uint32_t>{0, 10'000'000},
          "Of concurrent: how many at a time.");
    field("algorithm", algorithm, config::Anything{},
          "token_bucket lets bursts pass; leaky_bucket smooths them: who comes too early waits.");
    field("nodelay", nodelay, config::Anything{},
          "false: a token_bucket's burst waits as a leaky_bucket's does.");
    field("wait_max", wait_max, config::Range<milliseconds>{0ms, 10min},
          "Longest wait in a leaky_bucket; who would wait longer is refused.");
    field("tenants", tenants, config::Anything{}, "Only for these tenants; empty: all.");
    field("keys", keys, config::Anything{}, "Only for these keys; empty: all.");
    field("models", models, config::Anything{},
          "Only for these public models; a trailing * matches any ending; empty: all.");
  }
  std::vector<config::Problem> check() const;
};

/// A calendar window, UTC.
enum class Period : std::uint8_t { day, month };
inline auto names_of(Period) {
  static constexpr config::EnumName<Period> names[] = {{Period::day, "day"},
                                                       {Period::month, "month"}};
  return std::span(names);
}

/// What a call holds of a hard budget until it is known what it used.
enum class Reserve : std::uint8_t { most, usual };
inline auto names_of(Reserve) {
  static constexpr config::EnumName<Reserve> names[] = {{Reserve::most, "most"},
                                                        {Reserve::usual, "usual"}};
  return std::span(names);
}

struct BudgetConfig {
  std::string name{};
  std::vector<By> by{};
  Period period = Period::month;
  std::string hard{};
  std::string soft{};
  Reserve reserve = Reserve::most;
  std::vector<std::string> tenants{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("name", name, config::Required{}, "Name in refusals, logs and figures.");
    field("by", by, config::Anything{},
          "Who has a budget of its own: as of rate_limits; several: each combination; empty: all "
          "share one. With address the ledger holds addresses.");
    field("period", period, config::Anything{}, "A calendar day or month, UTC.");
    field("hard", hard, config::Anything{},
          "US dollars that may be spent; what would be above is refused. Empty: no end.");
    field("soft", soft, config::Anything{},
          "US dollars from which on answers carry x-hawser-budget-warning, and a log line is "
          "written.");
    field("reserve", reserve, config::Anything{},
          "What a call holds of a hard budget while it runs. most: as long an answer as it may ask "
          "for, or the longest that was seen: calls at once cannot overspend. usual: as four of "
          "five answers were.");
    field("tenants", tenants, config::Anything{}, "Only for these tenants; empty: all.");
  }
  std::vector<config::Problem> check() const;
};

struct LedgerConfig {
  std::string path{};
  bool sync = false;
  std::uint32_t waiting_max = 100'000;
  std::string prices{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("path", path, config::Anything{},
          "SQLite file of what every attempt used and cost; empty: none, and budgets begin anew "
          "with a restart. Read at start.");
    field("sync", sync, config::Anything{},
          "Waits for the disk with every commit: a loss of power loses nothing either.");
    field("waiting_max", waiting_max, config::Range<std::uint32_t>{100, 100'000'000},
          "Rows that wait in memory while the file cannot be written; beyond it they are dropped "
          "and counted.");
    field("prices", prices, config::Anything{},
          "File of prices that go before the built-in ones (docs/budgets.md).");
  }
};

/// How tenants share what they wait for.
enum class Priority : std::uint8_t { high, normal, low };
inline auto names_of(Priority) {
  static constexpr config::EnumName<Priority> names[] = {
      {Priority::high, "high"}, {Priority::normal, "normal"}, {Priority::low, "low"}};
  return std::span(names);
}

struct TenantConfig {
  std::uint32_t weight = 1;
  Priority priority = Priority::normal;

  template <class Visitor>
  void fields(Visitor&& field) {
    field("weight", weight, config::Range<std::uint32_t>{1, 1000},
          "Its share among tenants that wait for the same limit.");
    field("priority", priority, config::Anything{},
          "high goes before normal, normal before low; low still gets one turn in ten.");
  }
};

/// What all limits share.
struct AdmissionConfig {
  std::vector<std::string> trusted_proxies{};
  std::uint32_t ipv6_prefix = 64;
  std::uint32_t input_tokens = 512;
  std::uint32_t output_tokens = 512;
  std::uint32_t audio_bytes_a_second = 1'000;
  bool background_responses = false;
  std::uint32_t waiting_max = 10'000;
  std::uint32_t counters_max = 100'000;

  template <class Visitor>
  void fields(Visitor&& field) {
    field("trusted_proxies", trusted_proxies, config::Anything{},
          "Networks whose X-Forwarded-For is believed, for limits by address: 10.0.0.0/8.");
    field("ipv6_prefix", ipv6_prefix, config::Range<std::uint32_t>{16, 128},
          "Bits of an IPv6 address that make one client.");
    field(
        "input_tokens", input_tokens, config::Range<std::uint32_t>{1, 1'000'000},
        "Input that a request counts as whose tokens cannot be told: a form, a file, an operation "
        "that is not known.");
    field(
        "output_tokens", output_tokens, config::Range<std::uint32_t>{1, 1'000'000},
        "Output that is reserved for a request of a tenant and model that nothing is known of "
        "yet; later it is what four of five of its answers stayed below. What is no text counts as "
        "no less.");
    field("audio_bytes_a_second", audio_bytes_a_second,
          config::Range<std::uint32_t>{100, 1'000'000},
          "Bytes that a second of sound has at least, where its length is not told: how long an "
          "upload is taken for until its answer says it.");
    field("background_responses", background_responses, config::Anything{},
          "true: a request with background: true passes where a hard budget or a limit of output "
          "tokens binds it, and is charged what was reserved for it: what it used is told to who "
          "reads it later, and counted by nobody. false: it is refused there.");
    field("waiting_max", waiting_max, config::Range<std::uint32_t>{0, 1'000'000},
          "Exchanges of all tenants that may wait for leaky buckets at a time; who comes beyond is "
          "refused.");
    field("counters_max", counters_max, config::Range<std::uint32_t>{1'000, 100'000'000},
          "Counters of users and addresses. Beyond it idle ones are forgotten; where none is idle, "
          "further "
          "users or addresses of a key share one.");
  }
  std::vector<config::Problem> check() const;
};

}  // namespace hawser::stage::admit
