#pragma once

#include <cstdint>
#include <string>

#include "net/config.hpp"
#include "net/proxy.hpp"

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
  ProxyPtr proxy{};           // null: a direct connection
  bool public_only = false;   // an answer with a private address is not believed
  HttpVersion http = HttpVersion::by_alpn;

  friend bool operator==(const Origin& a, const Origin& b);
};

/// What the connection to a host must be by its configuration.
/// @param way  how it is reached
/// @throws std::runtime_error for a proxy that cannot be read
Origin origin_of(bool tls, std::string host, std::uint16_t port, const TlsClientConfig& config,
                 const WayConfig& way);

}  // namespace hawser::net
