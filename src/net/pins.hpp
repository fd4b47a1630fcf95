#pragma once

#include <openssl/x509.h>

#include <array>
#include <optional>
#include <string_view>
#include <vector>

/// Pinned public keys. Source: RFC 7469, 2.4.
namespace hawser::net {

/// SHA-256 of a DER SubjectPublicKeyInfo: of the key, so that it outlives its certificates.
using Pin = std::array<unsigned char, 32>;

/// "sha256/BASE64" or pin-sha256="BASE64". Nothing when it is neither.
std::optional<Pin> parse_pin(std::string_view text);

Pin pin_of(const X509* certificate);

/// Whether a certificate of `chain` has one of the keys.
bool holds_pin(const STACK_OF(X509) * chain, const std::vector<Pin>& pins);

}  // namespace hawser::net
