#include "net/tls_client.hpp"

#include <arpa/inet.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <stdexcept>

#include "net/peer_record.hpp"
#include "net/pins.hpp"
#include "net/stapling.hpp"

namespace hawser::net {
namespace {

/// What is asked of the other side beyond a verified chain; the context owns it.
struct PeerRules {
  std::vector<Pin> pins{};
  bool report_only = false;
  std::shared_ptr<PeerRecord> record{};
};

void free_rules(void*, void* rules, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<PeerRules*>(rules);
}
int rules_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_rules);
  return index;
}

std::int64_t seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? ::timegm(&parts) : 0;
}

std::int64_t first_end_of(const STACK_OF(X509) * chain) {
  auto first = std::numeric_limits<std::int64_t>::max();
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    first = std::min(first, seconds_of(X509_get0_notAfter(sk_X509_value(chain, i))));
  }
  return first;
}

/// In the handshake, before anything of ours is sent.
int verify_chain(X509_STORE_CTX* verification, void* arg) {
  if (X509_verify_cert(verification) != 1) return 0;
  const auto& rules = *static_cast<const PeerRules*>(arg);
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(verification);
  rules.record->not_after.store(first_end_of(chain), std::memory_order_relaxed);
  if (rules.pins.empty() || holds_pin(chain, rules.pins)) return 1;
  rules.record->pin_mismatches.fetch_add(1, std::memory_order_relaxed);
  if (rules.report_only) return 1;
  X509_STORE_CTX_set_error(verification, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

int verify_staple(SSL* ssl, void*) {
  if (SSL_session_reused(ssl) == 1) return 1;  // judged when the session was made
  const long verdict = judge_staple(ssl);
  if (verdict == X509_V_OK) return 1;
  SSL_set_verify_result(ssl, verdict);
  return 0;
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

void watch_peers(SSL_CTX& context, const TlsClientConfig& config, const std::string& name) {
  auto rules = std::make_unique<PeerRules>();
  for (const std::string& text : config.pins) {
    const auto pin = parse_pin(text);
    if (!pin) throw std::runtime_error("a pin is malformed");
    rules->pins.push_back(*pin);
  }
  rules->report_only = config.pins_report_only;
  rules->record = name.empty() ? std::make_shared<PeerRecord>() : PeerRecord::of(name);
  const auto warn_before = std::chrono::duration_cast<std::chrono::seconds>(config.expiry_warning);
  rules->record->warn_before.store(warn_before.count(), std::memory_order_relaxed);
  SSL_CTX_set_cert_verify_callback(&context, verify_chain, rules.get());
  SSL_CTX_set_ex_data(&context, rules_index(), rules.release());
}

}  // namespace

SslContext make_client_context(const TlsClientConfig& config, const std::string& name) {
  SslContext context = make_context(TLS_client_method(), config.min_version);
  const int loaded = config.ca_file.empty()
                         ? SSL_CTX_set_default_verify_paths(context.get())
                         : SSL_CTX_load_verify_file(context.get(), config.ca_file.c_str());
  if (loaded != 1) refuse_tls("trusted roots " + config.ca_file);
  if (!config.certificate.empty()) use_certificate(*context, {config.certificate, config.key});
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  watch_peers(*context, config, name);
  SSL_CTX_set_tlsext_status_type(context.get(), TLSEXT_STATUSTYPE_ocsp);
  SSL_CTX_set_tlsext_status_cb(context.get(), verify_staple);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), keep_session);
  return context;
}

std::string digest_of_files(const TlsClientConfig& config) {
  std::string digests;
  for (const std::string* path : {&config.ca_file, &config.certificate, &config.key}) {
    if (path->empty()) continue;
    const Secret content = read_whole(*path);
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(content.reveal().data()), content.reveal().size(),
           digest);
    digests.append(reinterpret_cast<const char*>(digest), sizeof digest);
  }
  return digests;
}

void SessionSlot::put(SSL_SESSION* session) {
  if (session_ != nullptr) SSL_SESSION_free(session_);
  session_ = session;
}

SSL_SESSION* SessionSlot::get() {
  if (session_ == nullptr) return nullptr;
  const X509* peer = SSL_SESSION_get0_peer(session_);
  if (peer != nullptr && X509_cmp_current_time(X509_get0_notAfter(peer)) < 0) put(nullptr);
  return session_;
}

SslPtr make_client_ssl(SSL_CTX& context, const std::string& name, SessionSlot& slot,
                       HttpVersion http) {
  SslPtr ssl(SSL_new(&context));
  SSL_set_connect_state(ssl.get());
  SSL_set_ex_data(ssl.get(), slot_index(), &slot);
  X509_VERIFY_PARAM* verify = SSL_get0_param(ssl.get());
  if (is_address(name)) {
    X509_VERIFY_PARAM_set1_ip_asc(verify, name.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl.get(), name.c_str());
    // A name counts among the alternative names only, never as a common name (RFC 9525, 6.4).
    X509_VERIFY_PARAM_set_hostflags(
        verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    X509_VERIFY_PARAM_set1_host(verify, name.c_str(), name.size());
  }
  // h2 stands first: what is left out is its three bytes or what follows them.
  static constexpr unsigned char protocols[] = "\x02h2\x08http/1.1";
  constexpr unsigned h2_size = 3, all_size = sizeof protocols - 1;
  const unsigned begin = http == HttpVersion::http1 ? h2_size : 0;
  const unsigned end = http == HttpVersion::http2 ? h2_size : all_size;
  SSL_set_alpn_protos(ssl.get(), protocols + begin, end - begin);
  if (SSL_SESSION* session = slot.get()) SSL_set_session(ssl.get(), session);
  return ssl;
}

}  // namespace hawser::net
