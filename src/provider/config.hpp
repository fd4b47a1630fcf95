#pragma once

#include <array>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/credential_headers.hpp"
#include "base/public_address.hpp"
#include "config/fields.hpp"
#include "dialect/splice.hpp"
#include "net/config.hpp"
#include "policy/tags.hpp"
#include "policy/timeouts.hpp"
#include "provider/headers.hpp"
#include "secret/oauth_config.hpp"
#include "wire/url.hpp"

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
           {Auth::api_key, key_header::api_key},
           {Auth::x_api_key, key_header::x_api_key},
           {Auth::x_goog_api_key, key_header::x_goog_api_key},
           {Auth::none, "none"}}};
}

/// What of clients' headers goes on to providers, beside what their APIs define.
struct HeadersConfig {
  std::vector<std::string> pass{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("pass", pass, config::Anything{},
          "Names of further headers of clients that go on to every provider; x-team-* is all that "
          "begin so. Credentials, cookies, where a client came from and what overrides a method or "
          "path never go on.");
  }
  std::vector<config::Problem> check() const { return problems_of("pass", pass); }

  static std::vector<config::Problem> problems_of(std::string_view field,
                                                  const std::vector<std::string>& names) {
    std::vector<config::Problem> problems;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto problem = listing_problem(names[i]);
      if (problem.empty()) continue;
      problems.push_back(
          {std::string(field) + "[" + std::to_string(i) + "]", std::string(problem)});
    }
    return problems;
  }
};

struct ProviderConfig {
  std::string base_url{};
  Secret api_key{};
  std::optional<secret::OAuthConfig> oauth{};
  Auth auth = Auth::bearer;
  std::string host{};
  config::Map<std::string> headers{};
  std::vector<std::string> pass_headers{};
  std::string api_version{};
  dialect::Prefill prefill = dialect::Prefill::none;
  bool stream_usage = true;
  net::TlsClientConfig tls{};
  net::WayConfig way{};
  net::PoolConfig pool{};
  policy::Timeouts timeouts{};
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
    field("pass_headers", pass_headers, config::Anything{}, "As headers.pass, for this provider.");
    field("api_version", api_version, config::Anything{},
          "Azure's dated API: adds ?api-version= to every request.");
    field("prefill", prefill, config::Anything{},
          "How this API continues an answer that is begun: a broken chat is then continued there.");
    field("stream_usage", stream_usage, config::Anything{},
          "It is asked for the usage of a stream (stream_options.include_usage) where its client "
          "did not ask and a limit, a budget or the ledger counts; false where it refuses that.");
    way.fields(field);
    field("tls", tls, config::Anything{}, "TLS towards the provider.");
    field("pool", pool, config::Anything{}, "Kept connections.");
    field("timeouts", timeouts, config::Anything{}, "Deadlines of this provider.");
    field(
        "gateway", gateway, config::Anything{},
        "It is another Hawser: circles are stopped, requests may be repeated there, broken streams "
        "are taken up again.");
    field("tags", tags, config::Anything{}, "Where it is, for rules of residency.");
  }
  std::vector<config::Problem> check() const {
    if (auto problems = HeadersConfig::problems_of("pass_headers", pass_headers); !problems.empty())
      return problems;
    if (oauth && !api_key.empty())
      return {{"oauth", "stands beside api_key: only one can be sent"}};
    if (oauth && auth == Auth::none) return {{"oauth", "auth: none sends no credential"}};
    return {};
  }
  std::vector<config::Problem> warnings() const {
    const auto url = wire::parse_url(base_url);
    if (!url || url->tls || !is_public_host(url->host)) return {};
    return {{"base_url",
             "is http:// to a host that is not of a private network: prompts, answers and the "
             "credential go over the way in clear text"}};
  }

 private:
  /// A name without a dot, or under a domain that is never public, is of a private network.
  static bool is_public_host(std::string_view host) {
    if (const auto address = IpAddress::parse(host)) return is_public(*address);
    for (const std::string_view end : {".local", ".internal", ".localhost", ".lan", ".home.arpa",
                                       ".svc", ".test", ".intranet", ".corp"}) {
      if (host.ends_with(end)) return false;
    }
    return host.find('.') != std::string_view::npos;
  }
};

}  // namespace hawser::provider
