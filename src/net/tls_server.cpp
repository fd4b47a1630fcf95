#include "net/tls_server.hpp"

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <stdexcept>

#include "net/certificate_choice.hpp"
#include "net/certificate_names.hpp"

namespace hawser::net {
namespace {

/// What the contexts of one listener share; each of them holds it.
struct ServerRules {
  std::shared_ptr<TicketKeys> tickets{};
  std::string hsts{};
  std::string alpn{};
};
/// What the first context of a listener holds besides.
struct Certificates {
  CertificateChoice choice{};
  std::vector<SslContext> others{};  // the first one is number 1
};

template <class T>
void free_data(void*, void* data, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<T*>(data);
}
int rules_index() {
  using Held = std::shared_ptr<const ServerRules>;
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_data<Held>);
  return index;
}
int certificates_index() {
  static const int index =
      SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_data<Certificates>);
  return index;
}
const ServerRules* rules_of(const SSL* ssl) {
  const void* held = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), rules_index());
  return held == nullptr ? nullptr
                         : static_cast<const std::shared_ptr<const ServerRules>*>(held)->get();
}

int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  const std::string& ours = rules_of(ssl)->alpn;
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned int>(ours.size()), offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;  // RFC 7301, 3.2: no protocol in common
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int choose_certificate(SSL* ssl, int*, void* arg) {
  const char* asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (asked == nullptr) return SSL_TLSEXT_ERR_NOACK;
  const auto& certificates = *static_cast<const Certificates*>(arg);
  const std::size_t chosen = certificates.choice.choose(asked);
  if (chosen > 0) SSL_set_SSL_CTX(ssl, certificates.others[chosen - 1].get());
  return SSL_TLSEXT_ERR_OK;
}

int use_ticket_key(const TicketKeys::Key& key, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                   EVP_MAC_CTX* mac, bool encrypt) {
  char digest[] = "SHA256";
  auto secret = key.mac;
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret.data(), secret.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  const bool set = EVP_MAC_CTX_set_params(mac, parameters) == 1 &&
                   EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv,
                                     encrypt ? 1 : 0) == 1;
  OPENSSL_cleanse(secret.data(), secret.size());
  return set ? 1 : -1;
}

/// RFC 5077, 4. @return 0: no such key, 1: good, 2: good, but the client gets a new ticket
int seal_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                EVP_MAC_CTX* mac, int encrypt) {
  const ServerRules* const rules = rules_of(ssl);
  try {
    TicketKeys& keys = *rules->tickets;
    const auto newest = keys.current(Clock::now());
    if (encrypt == 1) {
      if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
      std::copy(newest.name.begin(), newest.name.end(), name);
      return use_ticket_key(newest, iv, cipher, mac, true);
    }
    const auto key = keys.find(std::span<const unsigned char, 16>(name, 16), Clock::now());
    if (!key) return 0;
    const int used = use_ticket_key(*key, iv, cipher, mac, false);
    // A ticket of TLS 1.3 is used once (RFC 8446, C.4): who comes with one gets the next.
    const bool renew = SSL_version(ssl) == TLS1_3_VERSION || key->name != newest.name;
    return used == 1 && renew ? 2 : used;
  } catch (const std::exception&) {
    return -1;
  }
}

/// A session ends with the roots that its client's certificate was verified by.
void set_session_context(SSL_CTX& context, const TlsServerConfig& config) {
  const Secret roots = config.client_ca.empty() ? Secret() : read_whole(config.client_ca);
  std::string bound = "hawser " + std::to_string(static_cast<int>(config.client_auth)) + " ";
  bound.append(roots.reveal());
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bound.data()), bound.size(), digest);
  SSL_CTX_set_session_id_context(&context, digest, sizeof digest);
}

void ask_for_client_certificates(SSL_CTX& context, const TlsServerConfig& config) {
  if (config.client_auth == ClientAuth::none) return;
  auto* const roots = SSL_load_client_CA_file(config.client_ca.c_str());
  if (roots == nullptr || SSL_CTX_load_verify_file(&context, config.client_ca.c_str()) != 1) {
    sk_X509_NAME_pop_free(roots, X509_NAME_free);
    refuse_tls("client_ca " + config.client_ca);
  }
  SSL_CTX_set_client_CA_list(&context, roots);
  const bool required = config.client_auth == ClientAuth::require;
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     nullptr);
}

SslContext make_one(const TlsServerConfig& config,
                    const std::shared_ptr<const ServerRules>& rules) {
  SslContext context = make_context(TLS_server_method(), config.min_version);
  SSL_CTX_set_ex_data(context.get(), rules_index(), new std::shared_ptr<const ServerRules>(rules));
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context.get(), seal_ticket);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_SERVER);
  set_session_context(*context, config);
  SSL_CTX_set_num_tickets(context.get(), 1);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  ask_for_client_certificates(*context, config);
  return context;
}

std::shared_ptr<const ServerRules> rules_for(const TlsServerConfig& config,
                                             std::shared_ptr<TicketKeys> tickets,
                                             std::string alpn) {
  auto rules = std::make_shared<ServerRules>();
  rules->tickets = std::move(tickets);
  rules->alpn = std::move(alpn);
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(config.hsts).count();
  if (age > 0) rules->hsts = "Strict-Transport-Security: max-age=" + std::to_string(age) + "\r\n";
  return rules;
}

/// Certificates for the same names serve together where their kinds of key differ: each client gets
/// the kind that it knows.
struct Shown {
  std::vector<std::string> names{};
  std::vector<int> keys{};  // kinds
  SslContext context{};

  bool takes(const std::vector<std::string>& others, int key) const {
    return !names.empty() && names == others &&
           std::find(keys.begin(), keys.end(), key) == keys.end();
  }
};

std::vector<Shown> read_certificates(const TlsServerConfig& config,
                                     const std::shared_ptr<const ServerRules>& rules) {
  std::vector<Shown> all;
  for (const CertificateConfig& each : config.all()) {
    const X509Ptr certificate = read_certificate(each.certificate);
    auto names = dns_names(*certificate);
    const int key = EVP_PKEY_get_base_id(X509_get0_pubkey(certificate.get()));
    auto same = std::find_if(all.begin(), all.end(),
                             [&](const Shown& shown) { return shown.takes(names, key); });
    if (same == all.end()) {
      all.push_back({std::move(names), {}, make_one(config, rules)});
      same = all.end() - 1;
    }
    same->keys.push_back(key);
    use_certificate(*same->context, each);
  }
  if (all.empty()) throw std::runtime_error("there is no certificate");
  return all;
}

}  // namespace

SslContext make_server_context(const TlsServerConfig& config, std::shared_ptr<TicketKeys> tickets,
                               std::string alpn) {
  const auto all = read_certificates(config, rules_for(config, tickets, std::move(alpn)));
  auto certificates = std::make_unique<Certificates>();
  for (std::size_t i = 0; i < all.size(); ++i) {
    certificates->choice.add(i, all[i].names);
    if (i > 0) certificates->others.push_back(all[i].context);
  }
  SSL_CTX* const first = all.front().context.get();
  SSL_CTX_set_tlsext_servername_callback(first, choose_certificate);
  SSL_CTX_set_tlsext_servername_arg(first, certificates.get());
  SSL_CTX_set_ex_data(first, certificates_index(), certificates.release());
  tickets->rotate_every(config.ticket_rotation);
  return all.front().context;
}

SslPtr make_server_ssl(SSL_CTX& context) {
  SslPtr ssl(SSL_new(&context));
  SSL_set_accept_state(ssl.get());
  return ssl;
}

bool chose_http2(const SSL* ssl) {
  const unsigned char* chosen = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl, &chosen, &size);
  return std::string_view(reinterpret_cast<const char*>(chosen), size) == "h2";
}

std::vector<std::string> client_names(const SSL* ssl) {
  if ((SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) == 0) return {};
  const X509* certificate = SSL_get0_peer_certificate(ssl);
  if (certificate == nullptr || SSL_get_verify_result(ssl) != X509_V_OK) return {};
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) return {};
  return names_of_subject(*certificate);
}

std::string_view hsts_field(const SSL* ssl) {
  const ServerRules* rules = rules_of(ssl);
  return rules == nullptr ? std::string_view() : std::string_view(rules->hsts);
}

}  // namespace hawser::net
