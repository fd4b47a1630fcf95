#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret.hpp"
#include "net/stream.hpp"

namespace hawser::net {

/// A forward proxy on the way out: HTTP CONNECT (RFC 9110, 9.3.6) or SOCKS5 (RFC 1928, 1929). Names
/// are resolved by the proxy.
struct Proxy {
  enum class Kind : std::uint8_t { http, socks5 };
  Kind kind = Kind::http;
  std::string host{};
  std::uint16_t port = 0;
  std::string user{};
  Secret password{};

  friend bool operator==(const Proxy& a, const Proxy& b) {
    return a.kind == b.kind && a.host == b.host && a.port == b.port && a.user == b.user &&
           a.password.reveal() == b.password.reveal();
  }
};
using ProxyPtr = std::shared_ptr<const Proxy>;

/// "http://[USER:PASSWORD@]HOST:PORT" or socks5://, socks5h://; user and password percent-encoded.
/// Error: invalid_request; its message holds nothing of the text.
Result<Proxy> parse_proxy(std::string_view text);

/// What HTTPS_PROXY (https_proxy), or http_proxy for plain HTTP, says for this host; null: a direct
/// connection, as for whatever NO_PROXY lists (names and their subdomains, addresses, networks, *)
/// and for this machine itself. HTTP_PROXY in capitals is not read: where programs serve CGI it is
/// a client's header.
/// @throws std::runtime_error where that is no proxy's URL
ProxyPtr proxy_from_environment(bool tls, std::string_view host);

/// Whether a NO_PROXY list holds the host.
bool listed_in_no_proxy(std::string_view list, std::string_view host);

/// Asks the proxy at the other end of `stream` to connect to the host.
/// Errors: connection (refused, with its status or reply), timeout, cancelled
Task<Result<>> pass_proxy(Stream& stream, const Proxy& proxy, std::string host, std::uint16_t port,
                          Clock::time_point deadline);

}  // namespace hawser::net
