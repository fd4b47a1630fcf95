#include "gateway/snapshot.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "base/hex.hpp"
#include "base/random_bytes.hpp"
#include "config/content.hpp"
#include "generation/shelf.hpp"
#include "settings/remote.hpp"
#include "settings/residency.hpp"

namespace hawser::gateway {
namespace {

stage::observe::ModelSeries series_of(const stage::route::RouteTable& routes,
                                      telemetry::Registry& registry) {
  stage::observe::ModelSeries series;
  const auto add = [&](const stage::route::RouteTable::Entry& entry) {
    for (const auto& target : entry.targets) {
      series.emplace(std::pair(entry.name, target.provider_name),
                     telemetry::model_metrics(registry, entry.name, target.provider_name));
    }
  };
  for (const auto& entry : routes.entries()) add(entry);
  if (routes.fallback() != nullptr) add(*routes.fallback());
  return series;
}

std::shared_ptr<const policy::Policy> policy_of(const settings::Config& config) {
  std::vector<config::Problem> problems;
  auto policy = policy::Policy::compile(settings::tagged(config), problems);
  if (problems.empty()) return policy;
  throw std::runtime_error(problems.front().path + ": " + problems.front().reason);
}

stage::observe::RefusalSeries refusals_of(const settings::Config& config,
                                          telemetry::Registry& registry) {
  stage::observe::RefusalSeries series;
  const auto add = [&](const std::string& rule) {
    series.emplace(rule, registry.counter("hawser_residency_refusals_total",
                                          "Requests that nothing was eligible for, by rule.",
                                          {{"rule", rule}}));
  };
  add("client");
  for (const auto& rule : config.residency) add(rule.name);
  return series;
}

std::string random_pseudonym() {
  return "hawser-" + to_hex(random_bytes(8));
}

/// What this gateway is called by others; empty where none is its provider.
std::string pseudonym_of(const settings::Config& config) {
  static const std::string random = random_pseudonym();  // the same after a reload
  const auto& providers = config.providers;
  const bool asks = std::any_of(providers.begin(), providers.end(),
                                [](const auto& provider) { return provider.second.gateway; });
  if (!asks) return {};
  return config.node.name.empty() ? random : config.node.name;
}

/// For ALPN: each after its length.
std::string protocols_of(const net::ListenConfig& listen, const settings::Config& config) {
  if (listen.grpc || listen.http2_only) return "\x02h2";
  return config.http2.enabled ? "\x02h2\x08http/1.1" : "\x08http/1.1";
}

/// All that goes on to any of the providers: which one will answer is not known beforehand.
std::shared_ptr<const provider::PassedFields> passed_of(const settings::Config& config) {
  auto listed = config.headers.pass;
  for (const auto& [name, provider] : config.providers) {
    listed.insert(listed.end(), provider.pass_headers.begin(), provider.pass_headers.end());
  }
  return std::make_shared<const provider::PassedFields>(listed);
}

/// What an answer must pass before a client gets it, as one number.
std::uint64_t rules_of(const settings::Config& config) {
  config::Content content;
  content.add(config.filter);
  content.add(config.guards);
  content.add(config.residency);
  const std::string_view parts[] = {"rules of answers", content.text()};
  const auto digest = generation::fingerprint_of(parts);
  std::uint64_t out = 0;
  std::memcpy(&out, digest.data(), sizeof out);
  return out;
}

/// What the configuration says goes first, then the file, then the built-in table.
std::shared_ptr<const price::PriceTable> prices_of(const settings::Config& config) {
  auto prices = std::make_shared<price::PriceTable>(price::PriceTable::built_in());
  if (!config.ledger.prices.empty()) {
    prices->prefer(price::PriceTable::load(config.ledger.prices));
  }
  const auto& own = config.prices;
  if (!own.models.empty() || !own.operations.empty()) {
    prices->prefer(stage::admit::price_table_of(own));
  }
  return prices;
}

std::vector<FreshnessPtr> fresh_of(const settings::Config& config, const std::string& part,
                                   const secret::Keeper& keeper) {
  std::vector<FreshnessPtr> all;
  for (const auto& document : settings::documents_of(config, part)) {
    auto live = keeper.live(document);
    if (!live) throw std::runtime_error(part + ": a secret was not fetched");
    all.push_back(std::move(live));
  }
  return all;
}

provider::CredentialParts credential_of(const settings::Config& config, const std::string& name,
                                        const provider::ProviderConfig& provider,
                                        const secret::Keeper& keeper) {
  provider::CredentialParts parts;
  parts.fresh = fresh_of(config, "providers." + name, keeper);
  if (!provider.oauth) return parts;
  parts.token = keeper.token(*provider.oauth);
  if (!parts.token) throw std::runtime_error("providers." + name + ": its token was not fetched");
  return parts;
}

/// A service of the gateway's own, which is not asked with a credential that is too old.
std::shared_ptr<const http::Endpoint> endpoint_of(const http::EndpointConfig& endpoint,
                                                  std::vector<FreshnessPtr> fresh) {
  auto compiled = std::make_shared<http::Endpoint>(endpoint);
  for (auto& each : fresh) compiled->require(std::move(each));
  return compiled;
}

}  // namespace

SnapshotPtr compile(std::shared_ptr<const settings::Config> config, const ListenTickets& tickets,
                    telemetry::Registry& registry, health::Directory& health, std::uint64_t number,
                    const secret::Keeper& keeper) {
  auto snapshot = std::make_shared<Snapshot>();
  std::vector<std::string> names;
  snapshot->pseudonym = pseudonym_of(*config);
  for (const auto& [name, provider] : config->providers) {
    auto compiled = std::make_shared<const provider::Provider>(name, provider, snapshot->pseudonym,
                                                               config->headers);
    const bool tls = compiled->origin().tls;
    snapshot->provider_tls.push_back(tls ? net::make_client_context(provider.tls, name) : nullptr);
    snapshot->providers.push_back(std::move(compiled));
    snapshot->credentials.push_back(credential_of(*config, name, provider, keeper));
    names.push_back(name);
  }
  for (const auto& doh : config->resolver.doh) {
    http::EndpointConfig endpoint;
    endpoint.url = doh.url;
    endpoint.tls = doh.tls;
    snapshot->doh.push_back(std::make_shared<const http::Endpoint>(endpoint));
  }
  for (std::size_t i = 0; i < config->listen.size(); ++i) {
    const auto& listen = config->listen[i];
    snapshot->listen_tls.push_back(
        listen.tls
            ? net::make_server_context(*listen.tls, tickets[i], protocols_of(listen, *config))
            : nullptr);
  }
  if (const auto& tls = config->admin.tls) {
    snapshot->admin_tls = net::make_server_context(*tls, tickets.back());
  }
  snapshot->keys = std::make_shared<const stage::authenticate::KeyTable>(config->keys);
  snapshot->policy = policy_of(*config);
  snapshot->passed = passed_of(*config);
  snapshot->rules = rules_of(*config);
  snapshot->refusals = refusals_of(*config, registry);
  snapshot->routes = std::make_shared<const stage::route::RouteTable>(
      config->models, names, config->catch_all(), snapshot->policy->given().models, health);
  snapshot->health_rules = &health.keep(config->health);
  health.forgive_credentials();
  snapshot->limits =
      std::make_shared<const stage::admit::LimitTable>(stage::admit::LimitTable::Given{
          config->rate_limits, config->admission, config->tenants, config->budgets,
          !config->ledger.path.empty(), prices_of(*config)});
  if (!snapshot->limits->empty()) {
    snapshot->limit_figures = stage::admit::limit_figures(registry, config->rate_limits);
  }
  auto filters = stage::filter::Policies::compile(config->filter);
  if (!filters) throw std::runtime_error("filter: " + filters.error().message);
  snapshot->filters = std::move(*filters);
  if (!snapshot->filters->empty()) {
    snapshot->filter_figures = std::make_shared<const stage::filter::FilterFigures>(
        stage::filter::filter_figures(registry, config->filter));
  }
  for (const auto& guard : config->guards) {
    const auto part = "guards[" + std::to_string(snapshot->guards.size()) + "]";
    snapshot->guards.push_back(endpoint_of(guard.endpoint, fresh_of(*config, part, keeper)));
    snapshot->guard_figures.push_back(stage::guard::guard_series(registry, guard.name));
  }
  snapshot->caches = config->cache.enabled();
  if (snapshot->caches) snapshot->cache_figures = stage::cache::cache_figures(registry);
  if (config->cache.semantic) {
    snapshot->embeddings =
        endpoint_of(config->cache.semantic->endpoint, fresh_of(*config, "cache.semantic", keeper));
    snapshot->semantic_figures = stage::cache::semantic_series(registry);
  }
  if (config->audit) snapshot->audit = stage::audit::rules_of(*config->audit, number);
  snapshot->series = series_of(*snapshot->routes, registry);
  snapshot->config = std::move(config);
  return snapshot;
}

}  // namespace hawser::gateway
