#pragma once

#include <array>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "config/fields.hpp"
#include "dialect/splice.hpp"
#include "net/config.hpp"
#include "policy/tags.hpp"
#include "secret/oauth_config.hpp"

namespace hawser::dialect {

constexpr std::array<config::EnumName<Prefill>, 4> names_of(Prefill) {
  return {{{Prefill::none, "none"},
           {Prefill::prefix, "prefix"},
           {Prefill::partial, "partial"},
           {Prefill::continue_final_message, "continue_final_message"}}};
}

}  // namespace hawser::dialect

namespace hawser::provider {

/// How the credential travels (wire.md, 1).
enum class Auth : std::uint8_t { bearer, api_key, x_api_key, x_goog_api_key, none };
constexpr std::array<config::EnumName<Auth>, 5> names_of(Auth) {
  return {{{Auth::bearer, "bearer"},
           {Auth::api_key, "api-key"},
           {Auth::x_api_key, "x-api-key"},
           {Auth::x_goog_api_key, "x-goog-api-key"},
           {Auth::none, "none"}}};
}

struct ProviderConfig {
  std::string base_url{};
  Secret api_key{};
  std::optional<secret::OAuthConfig> oauth{};
  Auth auth = Auth::bearer;
  std::string host{};
  config::Map<std::string> headers{};
  std::string api_version{};
  dialect::Prefill prefill = dialect::Prefill::none;
  net::TlsClientConfig tls{};
  net::WayConfig way{};
  net::PoolConfig pool{};
  bool gateway = false;
  policy::Tags tags{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("base_url", base_url, config::Required{},
          "Where the API lives, with its version: https://api.openai.com/v1. What follows /v1 in a "
          "client's path is put behind it.");
    field("api_key", api_key, config::Anything{},
          "The credential: ${env:NAME}, ${file:PATH} or another source (docs/secrets.md).");
    field("oauth", oauth, config::Anything{},
          "In place of a credential: a token that is fetched and kept fresh.");
    field("auth", auth, config::Anything{}, "The header that carries the credential.");
    field("host", host, config::Anything{}, "Host header in place of the host of base_url.");
    field("headers", headers, config::Anything{},
          "Headers that are set on every request to this provider.");
    field("api_version", api_version, config::Anything{},
          "Azure's dated API: adds ?api-version= to every request.");
    field("prefill", prefill, config::Anything{},
          "How this API continues an answer that is begun: a broken chat is then continued there.");
    way.fields(field);
    field("tls", tls, config::Anything{}, "TLS towards the provider.");
    field("pool", pool, config::Anything{}, "Kept connections.");
    field(
        "gateway", gateway, config::Anything{},
        "It is another Hawser: circles are stopped, requests may be repeated there, broken streams "
        "are taken up again.");
    field("tags", tags, config::Anything{}, "Where it is, for rules of residency.");
  }
  std::vector<config::Problem> check() const {
    if (oauth && !api_key.empty())
      return {{"oauth", "stands beside api_key: only one can be sent"}};
    if (oauth && auth == Auth::none) return {{"oauth", "auth: none sends no credential"}};
    return {};
  }
};

}  // namespace hawser::provider
