#include <benchmark/benchmark.h>

#include "stage/audit/record_text.hpp"

namespace hawser::stage::audit {
namespace {

class PlainNotes final : public exchange::Notes {};

/// What a worker does for a record: from the notes of a usual exchange to its text.
void write_record(benchmark::State& state) {
  net::Cancellation cancellation;
  exchange::Exchange exchange(cancellation);
  exchange::Principal principal{.tenant = "acme", .team = "search", .key = "alice"};
  const std::vector<exchange::Target> targets{
      {.name = "openai/gpt-4o-2024-11-20", .provider_name = "openai"},
      {.name = "azure/my-deployment", .provider = 1, .provider_name = "azure"}};
  exchange.id = "req_0g8k3v1m2n4p5q6r7s8t9v0w1x";
  exchange.principal = &principal;
  exchange.public_model = "gpt-4o";
  exchange.candidates = exchange::Candidates(targets);
  exchange.request.client_address = "10.20.30.40";
  exchange.request.endpoint.api = dialect::Api::chat;
  exchange.arrived = Clock::now();
  exchange.notes = new PlainNotes;
  exchange.notes->tries.push_back({1, targets[0].name, "region=2:us;", "203.0.113.7", 200, {}});
  exchange.notes->generation = "gen_0g8k3v1m2n4p5q6r7s8t9v0w1x";
  exchange.notes->settled = exchange.notes->whole = exchange.notes->priced = true;
  exchange.notes->usage = {.known = true, .input = 220, .output = 120};
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_exchange({exchange, 3, {}, {}}, "exchange", out);
    append_notes(*exchange.notes, out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(write_record);

}  // namespace
}  // namespace hawser::stage::audit
