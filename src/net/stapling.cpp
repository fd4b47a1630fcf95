#include "net/stapling.hpp"

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include <memory>

namespace hawser::net {
namespace {

constexpr long clock_skew_s = 300;
constexpr long status_request = 5;  // RFC 7633, 4.2.3: the number of the TLS extension

struct Free {
  void operator()(OCSP_RESPONSE* response) const { OCSP_RESPONSE_free(response); }
  void operator()(OCSP_BASICRESP* basic) const { OCSP_BASICRESP_free(basic); }
  void operator()(OCSP_CERTID* id) const { OCSP_CERTID_free(id); }
  void operator()(TLS_FEATURE* feature) const { TLS_FEATURE_free(feature); }
};

bool demands_staple(const X509* certificate) {
  const std::unique_ptr<TLS_FEATURE, Free> feature(
      static_cast<TLS_FEATURE*>(X509_get_ext_d2i(certificate, NID_tlsfeature, nullptr, nullptr)));
  for (int i = 0; feature && i < sk_ASN1_INTEGER_num(feature.get()); ++i) {
    if (ASN1_INTEGER_get(sk_ASN1_INTEGER_value(feature.get(), i)) == status_request) return true;
  }
  return false;
}

/// The entry of a certificate, whatever digest its id was made with; null: none.
OCSP_SINGLERESP* entry_of(OCSP_BASICRESP* basic, const X509* certificate, const X509* issuer) {
  for (int i = 0; i < OCSP_resp_count(basic); ++i) {
    OCSP_SINGLERESP* single = OCSP_resp_get0(basic, i);
    const OCSP_CERTID* id = OCSP_SINGLERESP_get0_id(single);
    ASN1_OBJECT* algorithm = nullptr;
    OCSP_id_get0_info(nullptr, &algorithm, nullptr, nullptr, const_cast<OCSP_CERTID*>(id));
    const EVP_MD* digest = EVP_get_digestbyobj(algorithm);
    if (digest == nullptr) continue;
    const std::unique_ptr<OCSP_CERTID, Free> ours(OCSP_cert_to_id(digest, certificate, issuer));
    if (ours && OCSP_id_cmp(ours.get(), id) == 0) return single;
  }
  return nullptr;
}

long judge_entry(OCSP_SINGLERESP* single) {
  ASN1_GENERALIZEDTIME *made = nullptr, *until = nullptr;
  int reason = 0;
  const int status = OCSP_single_get0_status(single, &reason, nullptr, &made, &until);
  if (status == V_OCSP_CERTSTATUS_REVOKED) return X509_V_ERR_CERT_REVOKED;
  const bool good = status == V_OCSP_CERTSTATUS_GOOD;
  const bool current = good && OCSP_check_validity(made, until, clock_skew_s, -1) == 1;
  return current ? X509_V_OK : X509_V_ERR_OCSP_VERIFY_FAILED;
}

}  // namespace

long judge_staple(SSL* ssl) {
  STACK_OF(X509)* const chain = SSL_get0_verified_chain(ssl);
  if (chain == nullptr || sk_X509_num(chain) == 0) return X509_V_ERR_OCSP_VERIFY_FAILED;
  const X509* const certificate = sk_X509_value(chain, 0);
  const X509* const issuer = sk_X509_value(chain, sk_X509_num(chain) > 1 ? 1 : 0);

  const unsigned char* der = nullptr;
  const long size = SSL_get_tlsext_status_ocsp_resp(ssl, &der);
  if (der == nullptr || size <= 0) {
    return demands_staple(certificate) ? X509_V_ERR_OCSP_VERIFY_NEEDED : X509_V_OK;
  }
  const std::unique_ptr<OCSP_RESPONSE, Free> response(d2i_OCSP_RESPONSE(nullptr, &der, size));
  if (!response || OCSP_response_status(response.get()) != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return X509_V_ERR_OCSP_VERIFY_FAILED;
  }
  const std::unique_ptr<OCSP_BASICRESP, Free> basic(OCSP_response_get1_basic(response.get()));
  X509_STORE* const roots = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
  if (!basic || OCSP_basic_verify(basic.get(), chain, roots, 0) != 1) {
    return X509_V_ERR_OCSP_VERIFY_FAILED;
  }
  OCSP_SINGLERESP* const single = entry_of(basic.get(), certificate, issuer);
  return single == nullptr ? X509_V_ERR_OCSP_VERIFY_FAILED : judge_entry(single);
}

}  // namespace hawser::net
