#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/secret.hpp"
#include "config/fields.hpp"
#include "net/config.hpp"

namespace hawser::secret {

enum class VaultLogin : std::uint8_t { token, approle, kubernetes, jwt };
constexpr std::array<config::EnumName<VaultLogin>, 4> names_of(VaultLogin) {
  return {{{VaultLogin::token, "token"},
           {VaultLogin::approle, "approle"},
           {VaultLogin::kubernetes, "kubernetes"},
           {VaultLogin::jwt, "jwt"}}};
}

/// HashiCorp Vault or OpenBao.
struct VaultConfig {
  std::string url{};
  std::string name_space{};
  std::string mount{};
  std::string transit_mount = "transit";
  VaultLogin login = VaultLogin::token;
  std::string login_mount{};
  Secret token{};
  std::string role_id{};
  Secret secret_id{};
  std::string role{};
  std::string jwt_file{};
  net::TlsClientConfig tls{};
  net::WayConfig way{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("url", url, config::Required{}, "https://HOST:8200.");
    field("namespace", name_space, config::Anything{}, "Sent as X-Vault-Namespace.");
    field("mount", mount, config::Anything{},
          "Where the KV engine (version 2) is mounted, where that has several segments; empty: the "
          "first segment of a reference's path.");
    field("transit_mount", transit_mount, config::Anything{}, "Where Transit is mounted.");
    field("login", login, config::Anything{}, "How the gateway logs in.");
    field("login_mount", login_mount, config::Anything{},
          "Where the method of login is mounted; empty: its own name.");
    field("token", token, config::Anything{}, "For login: token. Renewed while it can be.");
    field("role_id", role_id, config::Anything{}, "For login: approle.");
    field("secret_id", secret_id, config::Anything{}, "For login: approle.");
    field("role", role, config::Anything{}, "For login: kubernetes or jwt.");
    field("jwt_file", jwt_file, config::Anything{},
          "For login: kubernetes or jwt; read anew for every login. Empty: the pod's own token.");
    way.fields(field);
    field("tls", tls, config::Anything{}, "TLS towards it.");
  }
  std::vector<config::Problem> check() const;
};

/// Where credentials for AWS come from.
enum class AwsLogin : std::uint8_t { by_order, environment, web_identity, profile, imds };
constexpr std::array<config::EnumName<AwsLogin>, 5> names_of(AwsLogin) {
  return {{{AwsLogin::by_order, "auto"},
           {AwsLogin::environment, "environment"},
           {AwsLogin::web_identity, "web_identity"},
           {AwsLogin::profile, "profile"},
           {AwsLogin::imds, "imds"}}};
}

/// AWS Key Management Service and Secrets Manager.
struct AwsConfig {
  std::string region{};
  AwsLogin credentials = AwsLogin::by_order;
  std::string profile = "default";
  std::string endpoint{};
  std::string imds_url = "http://169.254.169.254";
  config::Map<std::string> encryption_context{};
  net::TlsClientConfig tls{};
  net::WayConfig way{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("region", region, config::Anything{}, "Empty: AWS_REGION or AWS_DEFAULT_REGION.");
    field("credentials", credentials, config::Anything{},
          "auto: the first of environment, web identity (AWS_ROLE_ARN and "
          "AWS_WEB_IDENTITY_TOKEN_FILE), profile and the machine's role (IMDSv2) that there is.");
    field("profile", profile, config::Anything{},
          "Section of ~/.aws/credentials, or of the file that AWS_SHARED_CREDENTIALS_FILE names.");
    field("endpoint", endpoint, config::Anything{},
          "In place of AWS's own addresses, for KMS, Secrets Manager and STS; empty: "
          "AWS_ENDPOINT_URL, if it is set.");
    field("imds_url", imds_url, config::Anything{}, "Where a machine asks for its own role.");
    field("encryption_context", encryption_context, config::Anything{},
          "What KMS ciphertexts were bound to.");
    way.fields(field);
    field("tls", tls, config::Anything{}, "TLS towards it.");
  }
  std::vector<config::Problem> check() const;
};

/// Where credentials come from that stand elsewhere. This section itself may take values from the
/// environment, files and sealed files only.
struct SecretsConfig {
  std::chrono::milliseconds refresh{1min};
  std::chrono::milliseconds ttl{1h};
  std::chrono::milliseconds timeout{10s};
  std::optional<VaultConfig> vault{};
  std::optional<AwsConfig> aws{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("refresh", refresh, config::Range<milliseconds>{100ms, 24h},
          "How often values are looked at again; leases are renewed by their own time.");
    field(
        "ttl", ttl, config::Range<milliseconds>{100ms, 720h},
        "How long a value that was fetched serves while its source is away; then what needs it is "
        "refused.");
    field("timeout", timeout, config::Range<milliseconds>{100ms, 5min},
          "For all that is fetched from one source at once.");
    field("vault", vault, config::Anything{}, "HashiCorp Vault or OpenBao.");
    field("aws", aws, config::Anything{}, "AWS KMS and Secrets Manager.");
  }
  std::vector<config::Problem> check() const {
    if (ttl < refresh) return {{"ttl", "must not be below refresh"}};
    return {};
  }
};

}  // namespace hawser::secret
