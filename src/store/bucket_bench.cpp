#include <benchmark/benchmark.h>

#include "store/bucket.hpp"

namespace hawser::store {
namespace {

void take(benchmark::State& state) {
  const Pace pace{
      .amount = 1'000'000'000, .period = std::chrono::seconds(1), .burst = 1'000'000'000};
  Bucket bucket;
  const auto now = Clock::now();
  for (auto _ : state) benchmark::DoNotOptimize(bucket.take(pace, 1, now));
}
BENCHMARK(take);

}  // namespace
}  // namespace hawser::store
