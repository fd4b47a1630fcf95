#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/secret.hpp"
#include "config/fields.hpp"

namespace hawser::net {

enum class TlsVersion : std::uint8_t { tls12, tls13 };
constexpr std::array<config::EnumName<TlsVersion>, 2> names_of(TlsVersion) {
  return {{{TlsVersion::tls12, "1.2"}, {TlsVersion::tls13, "1.3"}}};
}

/// TLS in front: one certificate for a listener.
struct TlsServerConfig {
  std::string certificate{};  // PEM file, chain included
  std::string key{};          // PEM file
  TlsVersion min_version = TlsVersion::tls12;

  template <class Visitor>
  void fields(Visitor&& field) {
    field("certificate", certificate, config::Required{}, "PEM file with the certificate chain.");
    field("key", key, config::Required{}, "PEM file with the private key.");
    field("min_version", min_version, config::Anything{}, "Oldest TLS version that is accepted.");
  }
};

struct ListenConfig {
  std::string address = "127.0.0.1:8080";
  std::optional<TlsServerConfig> tls{};
  bool grpc = false;

  template <class Visitor>
  void fields(Visitor&& field) {
    field("address", address, config::Required{},
          "HOST:PORT or [IPv6]:PORT; port 0 takes a free one.");
    field("tls", tls, config::Anything{}, "Serves TLS on this address.");
    field("grpc", grpc, config::Anything{},
          "Speaks gRPC (hawser.v1, over HTTP/2) here in place of HTTP/1.1.");
  }
};

/// TLS towards a provider: always verified.
struct TlsClientConfig {
  std::string ca_file{};      // PEM; empty: the system's roots
  std::string server_name{};  // empty: the host of base_url
  TlsVersion min_version = TlsVersion::tls12;

  template <class Visitor>
  void fields(Visitor&& field) {
    field("ca_file", ca_file, config::Anything{},
          "PEM file of trusted roots instead of the system's.");
    field("server_name", server_name, config::Anything{},
          "Name to ask for (SNI) and to verify instead of the host of base_url.");
    field("min_version", min_version, config::Anything{}, "Oldest TLS version that is accepted.");
  }
};

/// Which addresses a host may have.
enum class Network : std::uint8_t { by_name, public_only, any };
constexpr std::array<config::EnumName<Network>, 3> names_of(Network) {
  return {{{Network::by_name, "auto"}, {Network::public_only, "public"}, {Network::any, "any"}}};
}

/// How a host is reached.
struct WayConfig {
  Secret proxy{};
  Network network = Network::by_name;

  template <class Visitor>
  void fields(Visitor&& field) {
    field("proxy", proxy, config::Anything{},
          "Forward proxy: http://USER:PASSWORD@HOST:PORT (CONNECT), socks5:// or none; empty: as "
          "HTTPS_PROXY and NO_PROXY say.");
    field("network", network, config::Anything{},
          "Whether its name may point to private addresses: public: never; any; auto: not for the "
          "hosts of well-known providers.");
  }
};

struct PoolConfig {
  std::uint32_t idle_max = 256;
  std::chrono::milliseconds idle_timeout{55'000};
  std::uint32_t prewarm = 0;

  template <class Visitor>
  void fields(Visitor&& field) {
    field("idle_max", idle_max, config::Range<std::uint32_t>{0, 20'000},
          "Idle connections that one worker keeps to one provider.");
    field("idle_timeout", idle_timeout, config::Range<milliseconds>{1s, 1h},
          "How long an unused connection is kept; below the provider's own limit.");
    field("prewarm", prewarm, config::Range<std::uint32_t>{0, 64},
          "Connections that each worker opens to the provider ahead of the first request, and "
          "keeps open.");
  }
};

}  // namespace hawser::net
