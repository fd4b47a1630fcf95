#pragma once

#include <openssl/ssl.h>

namespace hawser::net {

/// Judges the OCSP response that came with a server's certificate (RFC 6066, 8; RFC 6960), once
/// its chain is verified. No response is fine, unless the certificate demands one (RFC 7633).
/// @return X509_V_OK, X509_V_ERR_CERT_REVOKED, X509_V_ERR_OCSP_VERIFY_FAILED (it is not good, not
///         for this certificate, not current, or not signed by who may) or
///         X509_V_ERR_OCSP_VERIFY_NEEDED
long judge_staple(SSL* ssl);

}  // namespace hawser::net
