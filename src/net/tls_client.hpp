#pragma once

#include <string>

#include "net/tls.hpp"

namespace hawser::net {

/// Verification is on and cannot be turned off: chain, purpose, name or address, dates, strength,
/// pinned keys, and the stapled OCSP response where one comes.
/// @param name  of the other side, for operators: see PeerRecord
/// @throws std::runtime_error that names the file and OpenSSL's reason
SslContext make_client_context(const TlsClientConfig& config, const std::string& name = {});

/// A digest of what the files of `config` hold, so that connections made under others are not
/// taken for its own.
std::string digest_of_files(const TlsClientConfig& config);

/// The last session of an origin, to resume on its next connection. It belongs to one origin, so
/// what was verified for it is what that origin's configuration asks for.
class SessionSlot {
 public:
  SessionSlot() = default;
  SessionSlot(const SessionSlot&) = delete;
  SessionSlot& operator=(const SessionSlot&) = delete;
  ~SessionSlot() { put(nullptr); }
  void put(SSL_SESSION* session);  // takes ownership
  /// Null where there is none, or its certificate has ended since.
  SSL_SESSION* get();

 private:
  SSL_SESSION* session_ = nullptr;
};

/// A client handshake with `name`: asked for (SNI), verified, resumed from `slot` and stored there.
/// @param slot  must outlive the connection
/// @param http  what is offered by ALPN
SslPtr make_client_ssl(SSL_CTX& context, const std::string& name, SessionSlot& slot,
                       HttpVersion http = HttpVersion::http1);

}  // namespace hawser::net
