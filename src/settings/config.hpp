#pragma once

#include <string>
#include <vector>

#include "admin/config.hpp"
#include "audit/config.hpp"
#include "config/fields.hpp"
#include "config/scalar.hpp"
#include "front/grpc/config.hpp"
#include "front/http/config.hpp"
#include "front/http/listen_config.hpp"
#include "front/websocket/config.hpp"
#include "h2/config.hpp"
#include "health/config.hpp"
#include "http/doh.hpp"
#include "net/config.hpp"
#include "policy/config.hpp"
#include "provider/config.hpp"
#include "secret/config.hpp"
#include "stage/admit/config.hpp"
#include "stage/admit/price_config.hpp"
#include "stage/attempt/config.hpp"
#include "stage/authenticate/config.hpp"
#include "stage/cache/config.hpp"
#include "stage/filter/config.hpp"
#include "stage/guard/config.hpp"
#include "stage/ownership/config.hpp"
#include "stage/record/config.hpp"
#include "stage/route/config.hpp"
#include "telemetry/config.hpp"

namespace hawser::settings {

/// The whole configuration file.
struct Config {
  std::vector<front::http::ListenConfig> listen{front::http::ListenConfig{}};
  admin::AdminConfig admin{};
  std::uint32_t workers = 0;
  std::chrono::milliseconds drain_timeout{30'000};
  bool allow_anonymous = false;
  secret::SecretsConfig secrets{};
  config::Map<provider::ProviderConfig> providers{};
  provider::HeadersConfig headers{};
  config::Map<stage::route::ModelConfig> models{};
  std::string default_provider{};
  policy::NodeConfig node{};
  std::vector<policy::RuleConfig> residency{};
  http::ResolverConfig resolver{};
  std::vector<stage::authenticate::KeyConfig> keys{};
  std::vector<stage::admit::RateLimitConfig> rate_limits{};
  stage::admit::AdmissionConfig admission{};
  std::vector<stage::admit::BudgetConfig> budgets{};
  stage::admit::LedgerConfig ledger{};
  stage::admit::PricesConfig prices{};
  config::Map<stage::admit::TenantConfig> tenants{};
  front::http::LimitsConfig limits{};
  h2::Http2Config http2{};
  front::websocket::WebSocketConfig websocket{};
  front::grpc::GrpcConfig grpc{};
  stage::attempt::RetryConfig retry{};
  stage::attempt::TimeoutConfig timeouts{};
  health::HealthConfig health{};
  stage::record::RecordConfig generations{};
  stage::filter::FilterConfig filter{};
  std::vector<stage::guard::GuardConfig> guards{};
  stage::cache::CacheConfig cache{};
  stage::ownership::OwnershipConfig ownership{};
  std::optional<audit::AuditConfig> audit{};
  telemetry::LogConfig log{};
  std::vector<config::Used> used{};  // what of it stands elsewhere

  template <class Visitor>
  void fields(Visitor&& field) {
    field("listen", listen, config::Required{}, "Addresses of the API.");
    field("admin", admin, config::Anything{}, "The listener for operators.");
    field("workers", workers, config::Range<std::uint32_t>{0, 256},
          "Worker threads; 0: one a core.");
    field("drain_timeout", drain_timeout, config::Range<milliseconds>{0ms, 1h},
          "How long open exchanges may go on after SIGTERM.");
    field("allow_anonymous", allow_anonymous, config::Anything{},
          "Serve without keys on an address that others can reach: everybody who reaches it may "
          "spend your money.");
    field("secrets", secrets, config::Anything{},
          "Where credentials come from that stand elsewhere. Takes values from the environment, "
          "files and sealed files only.");
    field("providers", providers, config::Required{},
          "Where models are served, by a name of yours.");
    field("headers", headers, config::Anything{}, "Which headers of clients go on to providers.");
    field("models", models, config::Anything{},
          "Public model names and their targets. A name that ends in * matches any ending; the "
          "longest match wins.");
    field("default_provider", default_provider, config::Anything{},
          "Takes requests for models that are not listed and for paths without a model; empty: the "
          "only provider, if there is one.");
    field("node", node, config::Anything{}, "This gateway itself.");
    field("residency", residency, config::Anything{},
          "Where requests, and what is made of them, may go. All rules that are about a request "
          "must hold.");
    field("resolver", resolver, config::Anything{}, "How the names of hosts are resolved.");
    field("keys", keys, config::Anything{},
          "Virtual keys. Without any, everyone who reaches the listener may use it.");
    field("rate_limits", rate_limits, config::Anything{},
          "How much may be asked for. An exchange passes when all that concern it have room.");
    field("admission", admission, config::Anything{}, "What rate limits have in common.");
    field("budgets", budgets, config::Anything{}, "How much money may be spent.");
    field("ledger", ledger, config::Anything{}, "The record of what was used, and prices.");
    field("prices", prices, config::Anything{},
          "US dollars for what models and operations use, before those of ledger.prices and the "
          "built-in ones. Under a hard budget what has no price is refused.");
    field("tenants", tenants, config::Anything{},
          "How tenants share what they wait for; those not listed have weight 1.");
    field("limits", limits, config::Anything{}, "What a client may ask at most.");
    field("http2", http2, config::Anything{}, "What a client may ask of one HTTP/2 connection.");
    field("websocket", websocket, config::Anything{},
          "What a client may ask of one WebSocket connection.");
    field("grpc", grpc, config::Anything{}, "What a client may ask of one gRPC connection.");
    field("retry", retry, config::Anything{}, "Retries and fallback.");
    field("timeouts", timeouts, config::Anything{}, "Deadlines towards providers.");
    field("health", health, config::Anything{},
          "When a target of a model with several is left alone for a while.");
    field("generations", generations, config::Anything{},
          "How generations outlive their connections.");
    field("filter", filter, config::Anything{}, "What is taken out of prompts and answers.");
    field("guards", guards, config::Anything{}, "Services outside that judge prompts and answers.");
    field("cache", cache, config::Anything{}, "Answers that are given again.");
    field("ownership", ownership, config::Anything{},
          "Whose the objects at the providers' accounts are. Only with keys.");
    field("audit", audit, config::Anything{},
          "The record of every decision, chained and signed (docs/audit.md); off where it is "
          "missing.");
    field("log", log, config::Anything{}, "Logs.");
  }
  /// The provider that takes what is not listed; empty: none does.
  std::string catch_all() const;
  std::vector<config::Problem> check() const;
  std::vector<config::Problem> warnings() const;
};

/// The certificates, keys, roots and files of secrets that a configuration names: a change of one
/// is a change of it.
std::vector<std::string> files_of(const Config& config);

}  // namespace hawser::settings
