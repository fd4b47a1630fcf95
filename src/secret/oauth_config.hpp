#pragma once

#include <array>
#include <string>

#include "base/clock.hpp"
#include "base/secret.hpp"
#include "config/fields.hpp"
#include "net/config.hpp"

namespace hawser::secret {

/// How a client tells the token endpoint who it is (RFC 6749, 2.3.1; RFC 7523, 2.2).
enum class ClientProof : std::uint8_t { basic, body };
constexpr std::array<config::EnumName<ClientProof>, 2> names_of(ClientProof) {
  return {{{ClientProof::basic, "basic"}, {ClientProof::body, "body"}}};
}

/// Tokens by OAuth 2.0's client credentials grant (RFC 6749, 4.4).
struct OAuthConfig {
  std::string token_url{};
  std::string client_id{};
  Secret client_secret{};
  std::string assertion_file{};
  ClientProof client_auth = ClientProof::basic;
  std::string scope{};
  std::string audience{};
  std::chrono::milliseconds refresh_before{5min};
  net::TlsClientConfig tls{};
  net::WayConfig way{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("token_url", token_url, config::Required{},
          "The token endpoint; Entra ID: "
          "https://login.microsoftonline.com/TENANT/oauth2/v2.0/token.");
    field("client_id", client_id, config::Required{}, "Who asks.");
    field("client_secret", client_secret, config::Anything{}, "Its secret, from any source.");
    field("assertion_file", assertion_file, config::Anything{},
          "File with a signed JWT in place of a secret (RFC 7523), read anew for every token: a "
          "federated identity.");
    field("client_auth", client_auth, config::Anything{},
          "Where id and secret stand: basic: the Authorization header; body: the form.");
    field("scope", scope, config::Anything{},
          "What the token is for; Azure OpenAI: https://cognitiveservices.azure.com/.default.");
    field("audience", audience, config::Anything{}, "Sent as audience, for servers that want one.");
    field("refresh_before", refresh_before, config::Range<milliseconds>{0ms, 24h},
          "A new token is fetched so long before the old one ends, at the latest at half its life "
          "where that is shorter.");
    way.fields(field);
    field("tls", tls, config::Anything{}, "TLS towards it.");
  }
  std::vector<config::Problem> check() const {
    if (client_secret.empty() == assertion_file.empty()) {
      return {{"", "needs one of client_secret and assertion_file"}};
    }
    return {};
  }
};

}  // namespace hawser::secret
