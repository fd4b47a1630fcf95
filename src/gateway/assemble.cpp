#include "gateway/assemble.hpp"

#include "stage/attempt/attempt.hpp"
#include "stage/decode/decode.hpp"
#include "stage/guard/stage.hpp"
#include "stage/hops/hops.hpp"
#include "stage/ownership/ownership.hpp"
#include "stage/record/record.hpp"
#include "stage/validate/validate.hpp"

namespace hawser::gateway {
namespace {

using exchange::Stage;
using StagePtr = std::unique_ptr<Stage>;

StagePtr observe(const Snapshot& snapshot, const WorkerParts& parts) {
  return std::make_unique<stage::observe::Observe>(
      parts.metrics, snapshot.series, snapshot.refusals, parts.shard, parts.access_log);
}
StagePtr audit(const Snapshot& snapshot, const WorkerParts& parts) {
  return std::make_unique<stage::audit::Audit>(*parts.audit, *parts.audit_inlet, parts.reactor,
                                               snapshot.audit);
}
StagePtr validate() {
  return std::make_unique<stage::validate::Validate>();
}
StagePtr authenticate(const Snapshot& snapshot) {
  return std::make_unique<stage::authenticate::Authenticate>(snapshot.keys);
}
StagePtr hops(const Snapshot& snapshot) {
  return std::make_unique<stage::hops::Hops>(snapshot.pseudonym);
}
StagePtr decode(const Snapshot& snapshot, const WorkerParts& parts) {
  const stage::decode::Decode::Worker worker{parts.reactor, parts.bytes, parts.offload};
  return std::make_unique<stage::decode::Decode>(snapshot.config->limits.form_ahead_max.count(),
                                                 worker);
}
StagePtr route(const Snapshot& snapshot) {
  return std::make_unique<stage::route::Route>(snapshot.routes, snapshot.policy);
}
StagePtr admit(const Snapshot& snapshot, const WorkerParts& parts) {
  return std::make_unique<stage::admit::Admit>(snapshot.limits, parts.limits, parts.reactor,
                                               parts.offload, parts.shard, snapshot.limit_figures);
}
StagePtr record(const Snapshot& snapshot, const WorkerParts& parts) {
  return std::make_unique<stage::record::Record>(snapshot.config->generations, parts.directory,
                                                 parts.shelf, parts.shard, parts.metrics,
                                                 snapshot.passed, snapshot.rules);
}
StagePtr filter(const Snapshot& snapshot, const WorkerParts& parts) {
  return std::make_unique<stage::filter::Filter>(snapshot.filters, std::string(parts.filter_secret),
                                                 parts.reactor, parts.offload, parts.bytes,
                                                 parts.shard, snapshot.filter_figures);
}
StagePtr guards(const Snapshot& snapshot, const WorkerParts& parts) {
  std::vector<stage::guard::GuardPtr> guards;
  for (std::size_t i = 0; i < snapshot.guards.size(); ++i) {
    std::shared_ptr<const stage::guard::GuardConfig> config(snapshot.config,
                                                            &snapshot.config->guards[i]);
    const auto& endpoint = snapshot.guards[i];
    guards.push_back(std::make_shared<stage::guard::Guard>(stage::guard::Guard::Parts{
        std::move(config), endpoint, endpoint->pool(parts.pools), std::string(parts.filter_secret),
        parts.shard, snapshot.guard_figures[i]}));
  }
  return std::make_unique<stage::guard::Guards>(std::move(guards), parts.reactor, parts.offload,
                                                parts.bytes);
}
std::shared_ptr<stage::cache::Semantic> semantic(const Snapshot& snapshot,
                                                 const WorkerParts& parts) {
  if (!snapshot.embeddings || parts.cache.neighbours == nullptr) return nullptr;
  std::shared_ptr<const stage::cache::SemanticConfig> config(snapshot.config,
                                                             &*snapshot.config->cache.semantic);
  return std::make_shared<stage::cache::Semantic>(stage::cache::Semantic::Parts{
      std::move(config), snapshot.embeddings, snapshot.embeddings->pool(parts.pools),
      *parts.cache.neighbours, parts.cache.memory, parts.shard, snapshot.semantic_figures,
      snapshot.passed});
}
StagePtr cache(const Snapshot& snapshot, const WorkerParts& parts) {
  std::shared_ptr<const stage::cache::CacheConfig> config(snapshot.config, &snapshot.config->cache);
  const stage::cache::Cache::Worker worker{parts.reactor, parts.bytes, parts.offload, parts.shard};
  return std::make_unique<stage::cache::Cache>(std::move(config), parts.cache, worker,
                                               snapshot.cache_figures, parts.run_aside,
                                               snapshot.passed, semantic(snapshot, parts));
}
StagePtr ownership(const WorkerParts& parts) {
  const stage::ownership::Ownership::Worker worker{parts.reactor, parts.bytes, parts.offload};
  return std::make_unique<stage::ownership::Ownership>(parts.objects, worker);
}
StagePtr attempt(const Snapshot& snapshot, const WorkerParts& parts) {
  std::vector<stage::attempt::Upstream> upstreams;
  for (std::size_t i = 0; i < snapshot.providers.size(); ++i) {
    const auto& provider = snapshot.providers[i];
    const auto& config = snapshot.config->providers[i].second;
    stage::attempt::Upstream upstream{
        provider, parts.pools.at(provider->origin(), config.pool, snapshot.provider_tls[i])};
    if (const auto& credential = snapshot.credentials[i]; !credential.empty()) {
      upstream.credential = std::make_shared<provider::Credential>(provider, credential);
    }
    upstreams.push_back(std::move(upstream));
  }
  const stage::attempt::AttemptCounts counts{&parts.shard,
                                             parts.metrics.retries,
                                             parts.metrics.fallbacks,
                                             parts.metrics.upstream_connections_new,
                                             parts.metrics.upstream_connections_reused,
                                             parts.metrics.reattached_upstream,
                                             parts.metrics.hedges,
                                             parts.metrics.hedges_won,
                                             parts.metrics.breakers_opened,
                                             parts.metrics.splices};
  return std::make_unique<stage::attempt::Attempt>(std::move(upstreams), snapshot.config->retry,
                                                   snapshot.config->timeouts, parts.reactor,
                                                   parts.bytes, counts, *snapshot.health_rules);
}

}  // namespace

// The order is a matter of correctness, so it is code and not configuration.
std::shared_ptr<const exchange::Pipeline> assemble(const Snapshot& snapshot,
                                                   const WorkerParts& parts) {
  std::vector<StagePtr> stages;
  stages.push_back(observe(snapshot, parts));  // first: it must also see refusals
  if (parts.audit != nullptr && snapshot.audit) {
    stages.push_back(audit(snapshot, parts));  // refusals of strangers are decisions, too
  }
  stages.push_back(validate());              // all below decide about what has one reading only
  stages.push_back(authenticate(snapshot));  // nothing below runs for a stranger
  stages.push_back(hops(snapshot));  // before anything is read or taken for what goes in circles
  stages.push_back(decode(snapshot, parts));  // reads the body of those who may send one
  stages.push_back(route(snapshot));          // the model decides where it may be served
  if (!snapshot.limits->empty()) {
    stages.push_back(admit(snapshot, parts));  // takes room for what will be generated
  }
  stages.push_back(record(snapshot, parts));  // what is generated outlives its connection
  if (!snapshot.filters->empty()) {
    stages.push_back(filter(snapshot, parts));  // below the record: nobody resumes past it
  }
  if (!snapshot.guards.empty()) {
    stages.push_back(guards(snapshot, parts));  // strangers see what the filter left
  }
  if (snapshot.caches) stages.push_back(cache(snapshot, parts));  // a hit is a generation too
  if (!snapshot.keys->empty()) {
    stages.push_back(ownership(parts));  // tenants share a provider's account, not what is in it
  }
  stages.push_back(attempt(snapshot, parts));  // last: talks to providers, never calls next
  return std::make_shared<exchange::Pipeline>(std::move(stages));
}

}  // namespace hawser::gateway
