#include <benchmark/benchmark.h>

#include "stage/cache/key.hpp"
#include "stage/cache/shelf.hpp"

namespace hawser::stage::cache {
namespace {

/// A look at one of 10,000 entries.
void look_up(benchmark::State& state) {
  Shelf shelf(256 * 1024 * 1024);
  std::vector<Key> keys(10'000);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::size_t mixed = i * 0x9E3779B97F4A7C15ull;
    std::memcpy(keys[i].data(), &mixed, sizeof mixed);
    Entry entry;
    entry.content = std::string(2000, 'x');
    shelf.put(keys[i], std::make_shared<const Entry>(std::move(entry)));
  }
  std::size_t at = 0;
  for (auto _ : state) {
    at = (at + 7919) % keys.size();
    benchmark::DoNotOptimize(shelf.find(keys[at]));
  }
}
BENCHMARK(look_up);

void canonical_form(benchmark::State& state) {
  const std::string body =
      R"({"model":"m","temperature":0,"messages":[{"role":"user","content":")" +
      std::string(900, 'x') + R"("}]})";
  for (auto _ : state)
    benchmark::DoNotOptimize(canonical_request(body, dialect::AnswerFormat::chat));
}
BENCHMARK(canonical_form);

}  // namespace
}  // namespace hawser::stage::cache
