#pragma once

#include <openssl/x509.h>

#include <string>
#include <vector>

namespace hawser::net {

/// The DNS names among a certificate's alternative names.
std::vector<std::string> dns_names(const X509& certificate);

/// Its subject as RFC 2253 writes it ("CN=ci,O=Example"), then its alternative names ("DNS:...",
/// "URI:...", "email:...", "IP:...") in their order. A name with a NUL in it is left out.
std::vector<std::string> names_of_subject(const X509& certificate);

}  // namespace hawser::net
