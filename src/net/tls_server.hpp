#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/ticket_keys.hpp"
#include "net/tls.hpp"

namespace hawser::net {

/// A listener's side of TLS, with all of its certificates.
/// @param alpn  the protocols that are spoken, the preferred one first, each after its length
/// @throws std::runtime_error that names the file and OpenSSL's reason
SslContext make_server_context(const TlsServerConfig& config, std::shared_ptr<TicketKeys> tickets,
                               std::string alpn = "\x08http/1.1");

SslPtr make_server_ssl(SSL_CTX& context);

/// Whether client and we agreed on HTTP/2.
bool chose_http2(const SSL* ssl);

/// The names in a client's verified certificate: its subject as RFC 2253 writes it, then its
/// alternative names ("DNS:...", "URI:...", "email:...", "IP:...") in their order. Empty where it
/// showed none, or one that has ended since its session began.
std::vector<std::string> client_names(const SSL* ssl);

/// The Strict-Transport-Security field of the listener's answers; empty: none.
std::string_view hsts_field(const SSL* ssl);

}  // namespace hawser::net
