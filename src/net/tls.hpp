#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "base/secret.hpp"
#include "net/config.hpp"
#include "net/stream.hpp"

/// What both sides of TLS have in common.
namespace hawser::net {

struct SslCtxFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContext = std::shared_ptr<SSL_CTX>;

/// Versions, ciphers, groups and buffers as Mozilla's "intermediate" (5.7) has them.
SslContext make_context(const SSL_METHOD* method, TlsVersion min_version);

/// Puts a certificate chain and its private key into a context. The key's clear text is wiped.
/// @throws std::runtime_error that names the file and OpenSSL's reason
void use_certificate(SSL_CTX& context, const CertificateConfig& config);

struct X509Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using X509Ptr = std::unique_ptr<X509, X509Free>;
/// The first certificate of a PEM file.
/// @throws std::runtime_error that names the file and OpenSSL's reason
X509Ptr read_certificate(const std::string& path);

/// What a file holds; empty where it cannot be read. No copy of it stays behind.
Secret read_whole(const std::string& path);

/// Whether a file that holds a private key may be read by every user of the machine.
bool open_to_others(const std::string& path);

/// @throws std::runtime_error with OpenSSL's reason
[[noreturn]] void refuse_tls(const std::string& what);

/// Why the last handshake on this thread failed; holds no payload.
std::string tls_problem(const SSL* ssl);
/// The TLS alert that the last failed read on this thread met; empty where it was none. TLS 1.3
/// refuses a client's certificate only after the handshake.
std::string tls_alert();
/// Whether that reason will be the same at the next try: it lies in a certificate or a setting and
/// not on the way.
bool tls_problem_stays(const SSL* ssl);

}  // namespace hawser::net
