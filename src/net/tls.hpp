#pragma once

#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <string>

#include "net/config.hpp"
#include "net/stream.hpp"

namespace hawser::net {

struct SslCtxFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContext = std::shared_ptr<SSL_CTX>;

/// Keys of the session tickets: one set for all workers and for every configuration that follows,
/// so that a reload does not cost each client a full handshake.
struct TicketKeys {
  std::array<unsigned char, 80> bytes{};
  /// Fresh ones from the system's random source.
  static TicketKeys make();
};

/// @param http2  speaks h2 (ALPN) in place of http/1.1
/// @throws std::runtime_error that names the file and OpenSSL's reason
SslContext make_server_context(const TlsServerConfig& config, const TicketKeys& tickets,
                               bool http2 = false);

/// Verification is on and cannot be turned off.
/// @throws std::runtime_error that names the file and OpenSSL's reason
SslContext make_client_context(const TlsClientConfig& config);

/// The last session of an origin, to resume on its next connection.
class SessionSlot {
 public:
  SessionSlot() = default;
  SessionSlot(const SessionSlot&) = delete;
  SessionSlot& operator=(const SessionSlot&) = delete;
  ~SessionSlot() { put(nullptr); }
  void put(SSL_SESSION* session);  // takes ownership
  SSL_SESSION* get() const { return session_; }

 private:
  SSL_SESSION* session_ = nullptr;
};

/// A client handshake with `name`: asked for (SNI), verified, resumed from `slot` and stored there.
/// @param slot  must outlive the connection
SslPtr make_client_ssl(SSL_CTX& context, const std::string& name, SessionSlot& slot);
SslPtr make_server_ssl(SSL_CTX& context);

/// Why the last handshake on this thread failed, in OpenSSL's words; holds no payload.
std::string tls_problem(const SSL* ssl);

}  // namespace hawser::net
