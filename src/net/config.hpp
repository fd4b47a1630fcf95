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

/// Whether clients are asked for a certificate of theirs.
enum class ClientAuth : std::uint8_t { none, request, require };
constexpr std::array<config::EnumName<ClientAuth>, 3> names_of(ClientAuth) {
  return {{{ClientAuth::none, "none"},
           {ClientAuth::request, "request"},
           {ClientAuth::require, "require"}}};
}

struct CertificateConfig {
  std::string certificate{};  // PEM file, chain included
  std::string key{};          // PEM file

  template <class Visitor>
  void fields(Visitor&& field) {
    field("certificate", certificate, config::Required{}, "PEM file with the certificate chain.");
    field("key", key, config::Required{}, "PEM file with the private key.");
  }
};

/// TLS in front.
struct TlsServerConfig {
  std::string certificate{};  // PEM file, chain included
  std::string key{};          // PEM file
  std::vector<CertificateConfig> certificates{};
  TlsVersion min_version = TlsVersion::tls12;
  std::string client_ca{};
  ClientAuth client_auth = ClientAuth::none;
  std::chrono::milliseconds ticket_rotation{12h};
  std::chrono::milliseconds hsts{0};

  /// Every certificate, the default one first.
  std::vector<CertificateConfig> all() const {
    std::vector<CertificateConfig> list;
    if (!certificate.empty()) list.push_back({certificate, key});
    list.insert(list.end(), certificates.begin(), certificates.end());
    return list;
  }

  template <class Visitor>
  void fields(Visitor&& field) {
    field("certificate", certificate, config::Anything{}, "PEM file with the certificate chain.");
    field("key", key, config::Anything{}, "PEM file with its private key.");
    field("certificates", certificates, config::Anything{},
          "More of them, chosen by the name that a client asks for (SNI) among their alternative "
          "names; the first of all is the default.");
    field("min_version", min_version, config::Anything{}, "Oldest TLS version that is accepted.");
    field("client_ca", client_ca, config::Anything{},
          "PEM file of the roots that clients' certificates must come from.");
    field("client_auth", client_auth, config::Anything{},
          "Whether clients are asked for a certificate; require: there is no connection without.");
    field("ticket_rotation", ticket_rotation, config::Range<milliseconds>{1s, 168h},
          "How often the key of session tickets is replaced; old ones are honoured for two more "
          "such times.");
    field("hsts", hsts, config::Range<milliseconds>{0s, 87600h},
          "Strict-Transport-Security with this max-age on every answer; 0: none.");
  }
};

struct ListenConfig {
  std::string address = "127.0.0.1:8080";
  std::optional<TlsServerConfig> tls{};
  bool grpc = false;
  bool http2_only = false;

  template <class Visitor>
  void fields(Visitor&& field) {
    field("address", address, config::Required{},
          "HOST:PORT or [IPv6]:PORT; port 0 takes a free one.");
    field("tls", tls, config::Anything{}, "Serves TLS on this address.");
    field("grpc", grpc, config::Anything{},
          "Speaks gRPC (hawser.v1, over HTTP/2) here in place of HTTP/1.1.");
    field("http2_only", http2_only, config::Anything{},
          "Speaks HTTP/2 alone here, also without TLS: for balancers that know it.");
  }
};

/// TLS towards a provider: always verified.
struct TlsClientConfig {
  std::string ca_file{};      // PEM; empty: the system's roots
  std::string server_name{};  // empty: the host of base_url
  TlsVersion min_version = TlsVersion::tls12;
  std::string certificate{};  // PEM file, chain included
  std::string key{};          // PEM file
  std::vector<std::string> pins{};
  bool pins_report_only = false;
  std::chrono::milliseconds expiry_warning{336h};

  bool operator==(const TlsClientConfig&) const = default;

  template <class Visitor>
  void fields(Visitor&& field) {
    field("ca_file", ca_file, config::Anything{},
          "PEM file of trusted roots instead of the system's.");
    field("server_name", server_name, config::Anything{},
          "Name to ask for (SNI) and to verify instead of the host of base_url.");
    field("min_version", min_version, config::Anything{}, "Oldest TLS version that is accepted.");
    field("certificate", certificate, config::Anything{},
          "PEM file with the certificate chain to show to the other side.");
    field("key", key, config::Anything{}, "PEM file with its private key.");
    field("pins", pins, config::Anything{},
          "Public keys of which one must be in the verified chain: sha256/BASE64 of the "
          "SubjectPublicKeyInfo (RFC 7469). Keep a backup.");
    field("pins_report_only", pins_report_only, config::Anything{},
          "Count and log connections without a pinned key, and let them pass.");
    field("expiry_warning", expiry_warning, config::Range<milliseconds>{0s, 8760h},
          "Warn when the other side's certificates end within this time; 0: never.");
  }
};

/// Which addresses a host may have.
enum class Network : std::uint8_t { by_name, public_only, any };
constexpr std::array<config::EnumName<Network>, 3> names_of(Network) {
  return {{{Network::by_name, "auto"}, {Network::public_only, "public"}, {Network::any, "any"}}};
}

/// Which HTTP is spoken to a host.
enum class HttpVersion : std::uint8_t { by_alpn, http1, http2 };
constexpr std::array<config::EnumName<HttpVersion>, 3> names_of(HttpVersion) {
  return {{{HttpVersion::by_alpn, "auto"}, {HttpVersion::http1, "h1"}, {HttpVersion::http2, "h2"}}};
}

/// How a host is reached.
struct WayConfig {
  Secret proxy{};
  Network network = Network::by_name;
  HttpVersion http = HttpVersion::by_alpn;

  template <class Visitor>
  void fields(Visitor&& field) {
    field("proxy", proxy, config::Anything{},
          "Forward proxy: http://USER:PASSWORD@HOST:PORT (CONNECT), socks5:// or none; empty: as "
          "HTTPS_PROXY and NO_PROXY say.");
    field("network", network, config::Anything{},
          "Whether its name may point to private addresses: public: never; any; auto: not for the "
          "hosts of well-known providers.");
    field("http", http, config::Anything{},
          "HTTP version: auto: what TLS agrees on (ALPN), HTTP/1.1 without TLS; h1; h2: HTTP/2, "
          "without TLS too.");
  }
};

struct PoolConfig {
  std::uint32_t idle_max = 256;
  std::chrono::milliseconds idle_timeout{55'000};
  std::uint32_t prewarm = 0;
  std::uint32_t streams_max = 100;
  std::uint32_t connections_max = 64;
  std::chrono::milliseconds wait_max{30'000};
  Bytes window{256 * 1024};
  std::chrono::milliseconds ping_interval{30'000};
  std::chrono::milliseconds ping_timeout{10'000};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("idle_max", idle_max, config::Range<std::uint32_t>{0, 20'000},
          "Idle connections that one worker keeps to one provider.");
    field("idle_timeout", idle_timeout, config::Range<milliseconds>{1s, 1h},
          "How long an unused connection is kept; below the provider's own limit.");
    field("prewarm", prewarm, config::Range<std::uint32_t>{0, 64},
          "Connections that each worker opens to the provider ahead of the first request, and "
          "keeps open.");
    field("streams_max", streams_max, config::Range<std::uint32_t>{1, 10'000},
          "HTTP/2: requests at the same time on one connection; fewer where the provider says so.");
    field("connections_max", connections_max, config::Range<std::uint32_t>{1, 20'000},
          "HTTP/2: connections of one worker to the provider; beyond them requests wait.");
    field("wait_max", wait_max, config::Range<milliseconds>{10ms, 1h},
          "HTTP/2: how long a request waits for a free stream.");
    field("window", window, config::Range<Bytes>{Bytes{16 * 1024}, Bytes{16 * 1024 * 1024}},
          "HTTP/2: what the provider may send of one answer ahead of its reader.");
    field("ping_interval", ping_interval, config::Range<milliseconds>{0ms, 1h},
          "HTTP/2: a connection that was silent so long is asked for a sign of life; 0: never.");
    field("ping_timeout", ping_timeout, config::Range<milliseconds>{10ms, 10min},
          "HTTP/2: how long that may take; then the connection is lost.");
  }
};

}  // namespace hawser::net
