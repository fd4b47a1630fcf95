#pragma once

#include <memory>
#include <string>
#include <vector>

#include "health/target_health.hpp"
#include "http/endpoint.hpp"
#include "net/tls_server.hpp"
#include "policy/policy.hpp"
#include "provider/credential.hpp"
#include "provider/passed_fields.hpp"
#include "provider/provider.hpp"
#include "secret/keeper.hpp"
#include "settings/config.hpp"
#include "stage/admit/admit.hpp"
#include "stage/audit/audit.hpp"
#include "stage/authenticate/authenticate.hpp"
#include "stage/cache/cache.hpp"
#include "stage/filter/filter.hpp"
#include "stage/guard/guard.hpp"
#include "stage/observe/observe.hpp"
#include "stage/route/route.hpp"
#include "telemetry/metrics.hpp"

namespace hawser::gateway {

/// One configuration, compiled: everything that can fail has been tried. Immutable and shared by
/// all workers; exchanges keep the one that they began with.
struct Snapshot {
  std::shared_ptr<const settings::Config> config;
  std::vector<std::shared_ptr<const provider::Provider>> providers;
  std::shared_ptr<const provider::PassedFields> passed;  // of clients' headers
  std::uint64_t rules = 0;                    // that answers must pass: the same ones give the same
  std::string pseudonym;                      // of this gateway; empty: it asks no other
  std::vector<net::SslContext> provider_tls;  // by provider; null: plain
  std::vector<provider::CredentialParts> credentials;  // by provider; empty: it stands in there
  std::vector<std::shared_ptr<const http::Endpoint>> doh;
  std::vector<net::SslContext> listen_tls;  // by listener; null: plain
  net::SslContext admin_tls;                // null: plain
  std::shared_ptr<const stage::authenticate::KeyTable> keys;
  std::shared_ptr<const stage::route::RouteTable> routes;
  const health::HealthConfig* health_rules = nullptr;
  std::shared_ptr<const policy::Policy> policy;
  stage::observe::RefusalSeries refusals;
  std::shared_ptr<const stage::admit::LimitTable> limits;
  stage::admit::LimitFigures limit_figures;
  std::shared_ptr<const stage::filter::Policies> filters;
  stage::filter::FilterFiguresPtr filter_figures;
  std::vector<std::shared_ptr<const http::Endpoint>> guards;  // by guard of the configuration
  std::vector<stage::guard::GuardSeries> guard_figures;
  bool caches = false;
  stage::cache::CacheFigures cache_figures;
  std::shared_ptr<const http::Endpoint> embeddings;  // null: no semantic cache
  stage::cache::SemanticSeries semantic_figures;
  std::shared_ptr<const stage::audit::Rules> audit;  // null: no log is kept
  stage::observe::ModelSeries series;
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

/// The ticket keys of each listener, then those of the admin listener: they outlive configurations.
using ListenTickets = std::vector<std::shared_ptr<net::TicketKeys>>;

/// @param health  of all targets; outlives every snapshot
/// @param number  of the configuration since the start, from 1
/// @param keeper  has fetched what the configuration wants of it
/// @throws std::runtime_error when a certificate, key or root file cannot be used
SnapshotPtr compile(std::shared_ptr<const settings::Config> config, const ListenTickets& tickets,
                    telemetry::Registry& registry, health::Directory& health, std::uint64_t number,
                    const secret::Keeper& keeper);

}  // namespace hawser::gateway
