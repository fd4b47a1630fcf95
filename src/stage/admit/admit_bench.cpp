#include <benchmark/benchmark.h>

#include <deque>

#include "exchange/call.hpp"
#include "stage/admit/holding.hpp"

namespace hawser::stage::admit {
namespace {

/// All of a decision: three limits (requests and tokens of a key, tokens of a tenant) are named,
/// found and taken. What was taken goes back between the measured batches.
void decision(benchmark::State& state) {
  std::vector<RateLimitConfig> configs(3);
  configs[0] = {.name = "rpm", .by = {By::key}, .rate = "100M/s"};
  configs[1] = {.name = "tpm", .by = {By::key}, .unit = Unit::tokens, .rate = "100000M/s"};
  configs[2] = {.name = "tenant", .by = {By::tenant}, .unit = Unit::tokens, .rate = "100000M/s"};
  const auto table =
      std::make_shared<const LimitTable>(LimitTable::Given{configs, AdmissionConfig{}, {}, {}});
  exchange::Call call({.method = "POST", .target = "/v1/chat/completions"}, Clock::now());
  const exchange::Principal principal{"tenant", "team", "key", {}};
  call.exchange().principal = &principal;
  store::LimitCounters counters(1000);
  store::KnownCounters known(counters);
  const auto history = std::make_shared<History>("gpt-4o");
  store::CounterName name;
  std::deque<Holding> taken;
  const auto now = Clock::now();
  for (auto _ : state) {
    if (taken.size() == 1000) {
      state.PauseTiming();
      taken.clear();
      state.ResumeTiming();
    }
    Holding& holding = taken.emplace_back(table, known, history, Amounts{100, 500}, AskedText{},
                                          AnswerTraits{}, std::nullopt);
    for (const Limit& limit : table->limits()) {
      if (!limit.concerns(call.exchange())) continue;
      table->name_counter(limit, call.exchange(), nullptr, name);
      benchmark::DoNotOptimize(holding.take(limit, known.at(name, now), now));
    }
  }
}
BENCHMARK(decision);

}  // namespace
}  // namespace hawser::stage::admit
