#include "net/tls.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

namespace hawser::net {
namespace {

std::string last_reason() {
  const unsigned long first = ERR_peek_error();
  if (ERR_SYSTEM_ERROR(first)) return std::strerror(static_cast<int>(ERR_GET_REASON(first)));
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown reason" : reason;
}

int number_of(TlsVersion version) {
  return version == TlsVersion::tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

// TLS 1.2 with forward secrecy and authenticated ciphers only (Mozilla "intermediate", 5.7).
constexpr const char* tls12_ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioPtr = std::unique_ptr<BIO, BioFree>;

struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, KeyFree>;

// A key under a passphrase must not ask the terminal for it.
int no_passphrase(char*, int, int, void*) {
  return 0;
}

KeyPtr read_key(const std::string& path) {
  const Secret text = read_whole(path);
  if (text.empty()) throw std::runtime_error("key " + path + ": cannot be read, or is empty");
  const BioPtr bio(BIO_new_mem_buf(text.reveal().data(), static_cast<int>(text.reveal().size())));
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  if (!key) refuse_tls("key " + path);
  return key;
}

}  // namespace

void refuse_tls(const std::string& what) {
  std::string message = what + ": " + last_reason();
  ERR_clear_error();
  throw std::runtime_error(message);
}

SslContext make_context(const SSL_METHOD* method, TlsVersion min_version) {
  SslContext context(SSL_CTX_new(method), SslCtxFree{});
  if (!context) refuse_tls("no TLS context");
  SSL_CTX* const made = context.get();
  SSL_CTX_set_security_level(made, 2);
  SSL_CTX_set_min_proto_version(made, number_of(min_version));
  SSL_CTX_set_cipher_list(made, tls12_ciphers);
  SSL_CTX_set1_groups_list(made, "X25519:P-256:P-384");
  SSL_CTX_set_options(
      made, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // An idle connection holds no record buffers; a read takes head and body in one system call.
  SSL_CTX_set_mode(made, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                             SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(made, 1);
  return context;
}

void use_certificate(SSL_CTX& context, const CertificateConfig& config) {
  if (SSL_CTX_use_certificate_chain_file(&context, config.certificate.c_str()) != 1) {
    refuse_tls("certificate " + config.certificate);
  }
  const KeyPtr key = read_key(config.key);
  if (SSL_CTX_use_PrivateKey(&context, key.get()) != 1 ||
      SSL_CTX_check_private_key(&context) != 1) {
    refuse_tls("key " + config.key + " does not belong to certificate " + config.certificate);
  }
}

X509Ptr read_certificate(const std::string& path) {
  const BioPtr bio(BIO_new_file(path.c_str(), "r"));
  X509Ptr certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr)
                          : nullptr);
  if (!certificate) refuse_tls("certificate " + path);
  return certificate;
}

Secret read_whole(const std::string& path) {
  constexpr off_t file_max = 16 * 1024 * 1024;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  struct stat status {};
  std::string bytes;
  if (::fstat(fd, &status) == 0 && status.st_size > 0 && status.st_size <= file_max) {
    bytes.resize(static_cast<std::size_t>(status.st_size));
    const ssize_t got = ::read(fd, bytes.data(), bytes.size());
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  }
  ::close(fd);
  return Secret(std::move(bytes));
}

bool open_to_others(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & (S_IROTH | S_IWOTH)) != 0;
}

std::string tls_problem(const SSL* ssl) {
  const long verified = SSL_get_verify_result(ssl);
  switch (verified) {
    case X509_V_OK:
      return last_reason();
    case X509_V_ERR_APPLICATION_VERIFICATION:
      return "no certificate of its chain has a pinned key";
    case X509_V_ERR_OCSP_VERIFY_FAILED:
      return "the stapled OCSP response does not hold";
    case X509_V_ERR_OCSP_VERIFY_NEEDED:
      return "its certificate demands a stapled OCSP response, and none came";
    default:
      return X509_verify_cert_error_string(verified);
  }
}

std::string tls_alert() {
  const unsigned long code = ERR_peek_last_error();
  const bool alert =
      ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) > SSL_AD_REASON_OFFSET;
  return alert ? last_reason() : std::string();
}

bool tls_problem_stays(const SSL* ssl) {
  if (SSL_get_verify_result(ssl) != X509_V_OK) return true;
  switch (ERR_GET_REASON(ERR_peek_last_error())) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_EE_KEY_TOO_SMALL:
    case SSL_R_CA_MD_TOO_WEAK:
      return ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_SSL;
    default:
      return false;
  }
}

}  // namespace hawser::net
