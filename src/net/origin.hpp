#pragma once

#include <cstdint>
#include <string>

#include "net/tls_client.hpp"

namespace hawser::net {

/// The whole identity of an upstream connection. Two requests share a connection only where every
/// field is equal; the struct itself is the key, never a hash of it.
struct Origin {
  bool tls = true;
  std::string host{};  // name or address, without brackets
  std::uint16_t port = 443;
  std::string server_name{};  // asked for and verified; plain: empty
  TlsClientConfig rules{};    // all that its handshake depends on; plain: none
  std::string files{};        // a digest of what the files hold that `rules` names

  bool operator==(const Origin&) const = default;
};

/// What the connection to a host must be, where TLS is wanted, by its configuration.
inline Origin origin_of(bool tls, std::string host, std::uint16_t port,
                        const TlsClientConfig& config) {
  Origin origin{.tls = tls, .host = std::move(host), .port = port};
  if (!tls) return origin;
  origin.server_name = config.server_name.empty() ? origin.host : config.server_name;
  origin.rules = config;
  origin.files = digest_of_files(config);
  return origin;
}

}  // namespace hawser::net
