#include <benchmark/benchmark.h>

#include "policy/policy.hpp"

namespace hawser::policy {
namespace {

/// One decision under four rules, of which three are about it: one model of eight targets.
void decide(benchmark::State& state) {
  Policy::Given given;
  auto& model = given.models.emplace_back();
  for (const char* region : {"eu", "us", "eu", "ap", "eu", "us", "eu", "ap"}) {
    Resource target{region, {}};
    target.tags.region = region;
    target.tags.zdr = true;
    model.targets.push_back(std::move(target));
  }
  given.services.resize(Grants::places);
  for (const char* tenant : {"a", "b", "a", "a"}) {
    RuleConfig rule;
    rule.name = "rule" + std::to_string(given.rules.size());
    rule.tenants = {tenant};
    rule.require = "target.region in ['eu', 'us'] && target.zdr";
    given.rules.push_back(std::move(rule));
  }
  given.rules.back().when = "request.data_class in ['pii', 'health'] || key == 'k'";
  std::vector<config::Problem> problems;
  const auto policy = Policy::compile(std::move(given), problems);
  const Asker asker{.tenant = "a", .key = "k", .model = "m"};
  const Policy::Wish nothing;
  for (auto _ : state) benchmark::DoNotOptimize(policy->eligible(asker, 0, nothing));
}
BENCHMARK(decide);

}  // namespace
}  // namespace hawser::policy
