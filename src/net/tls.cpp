#include "net/tls.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <cstring>
#include <stdexcept>
#include <string_view>

namespace hawser::net {
namespace {

std::string last_reason() {
  const unsigned long first = ERR_peek_error();
  if (ERR_SYSTEM_ERROR(first)) return std::strerror(static_cast<int>(ERR_GET_REASON(first)));
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown reason" : reason;
}

[[noreturn]] void refuse(const std::string& what) {
  std::string message = what + ": " + last_reason();
  ERR_clear_error();
  throw std::runtime_error(message);
}

int number_of(TlsVersion version) {
  return version == TlsVersion::tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

// TLS 1.2 with forward secrecy and authenticated ciphers only (Mozilla "intermediate", 5.7).
constexpr const char* tls12_ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

void set_common(SSL_CTX* context, TlsVersion min_version) {
  SSL_CTX_set_min_proto_version(context, number_of(min_version));
  SSL_CTX_set_cipher_list(context, tls12_ciphers);
  SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384");
  SSL_CTX_set_options(
      context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // An idle connection holds no record buffers; a read takes head and body in one system call.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned int offered_size, void* protocol) {
  const std::string_view ours = protocol != nullptr ? "\x02h2" : "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned int>(ours.size()), offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;  // RFC 7301, 3.2: no protocol in common
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int slot_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

int keep_session(SSL* ssl, SSL_SESSION* session) {
  auto* slot = static_cast<SessionSlot*>(SSL_get_ex_data(ssl, slot_index()));
  if (slot == nullptr) return 0;
  slot->put(session);
  return 1;  // the slot owns it now
}

bool is_address(const std::string& name) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, name.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, name.c_str(), bytes) == 1;
}

}  // namespace

TicketKeys TicketKeys::make() {
  TicketKeys keys;
  if (RAND_bytes(keys.bytes.data(), static_cast<int>(keys.bytes.size())) != 1) {
    refuse("no random bytes for the session ticket keys");
  }
  return keys;
}

SslContext make_server_context(const TlsServerConfig& config, const TicketKeys& tickets,
                               bool http2) {
  SslContext context(SSL_CTX_new(TLS_server_method()), SslCtxFree{});
  if (!context) refuse("no TLS context");
  set_common(context.get(), config.min_version);
  if (SSL_CTX_use_certificate_chain_file(context.get(), config.certificate.c_str()) != 1) {
    refuse("certificate " + config.certificate);
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), config.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    refuse("key " + config.key);
  }
  if (SSL_CTX_check_private_key(context.get()) != 1) {
    refuse("key " + config.key + " does not belong to certificate " + config.certificate);
  }
  auto keys = tickets.bytes;
  SSL_CTX_set_tlsext_ticket_keys(context.get(), keys.data(), static_cast<long>(keys.size()));
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_SERVER);
  static constexpr unsigned char session_context[] = "hawser";
  SSL_CTX_set_session_id_context(context.get(), session_context, sizeof session_context - 1);
  SSL_CTX_set_num_tickets(context.get(), 1);
  static int h2 = 0;  // its address tells
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, http2 ? &h2 : nullptr);
  return context;
}

SslContext make_client_context(const TlsClientConfig& config) {
  SslContext context(SSL_CTX_new(TLS_client_method()), SslCtxFree{});
  if (!context) refuse("no TLS context");
  set_common(context.get(), config.min_version);
  const int loaded = config.ca_file.empty()
                         ? SSL_CTX_set_default_verify_paths(context.get())
                         : SSL_CTX_load_verify_file(context.get(), config.ca_file.c_str());
  if (loaded != 1) refuse("trusted roots " + config.ca_file);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), keep_session);
  return context;
}

void SessionSlot::put(SSL_SESSION* session) {
  if (session_ != nullptr) SSL_SESSION_free(session_);
  session_ = session;
}

SslPtr make_client_ssl(SSL_CTX& context, const std::string& name, SessionSlot& slot) {
  SslPtr ssl(SSL_new(&context));
  SSL_set_connect_state(ssl.get());
  SSL_set_ex_data(ssl.get(), slot_index(), &slot);
  X509_VERIFY_PARAM* verify = SSL_get0_param(ssl.get());
  if (is_address(name)) {
    X509_VERIFY_PARAM_set1_ip_asc(verify, name.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl.get(), name.c_str());
    X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    X509_VERIFY_PARAM_set1_host(verify, name.c_str(), name.size());
  }
  static constexpr unsigned char protocols[] = "\x08http/1.1";
  SSL_set_alpn_protos(ssl.get(), protocols, sizeof protocols - 1);
  if (slot.get() != nullptr) SSL_set_session(ssl.get(), slot.get());
  return ssl;
}

SslPtr make_server_ssl(SSL_CTX& context) {
  SslPtr ssl(SSL_new(&context));
  SSL_set_accept_state(ssl.get());
  return ssl;
}

std::string tls_problem(const SSL* ssl) {
  const long verified = SSL_get_verify_result(ssl);
  if (verified != X509_V_OK) return X509_verify_cert_error_string(verified);
  return last_reason();
}

}  // namespace hawser::net
