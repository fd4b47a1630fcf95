#include "net/pins.hpp"

#include <openssl/sha.h>

#include <algorithm>

#include "base/base64.hpp"

namespace hawser::net {

std::optional<Pin> parse_pin(std::string_view text) {
  constexpr std::string_view field = "pin-sha256=\"", path = "sha256/";
  if (text.starts_with(field) && text.ends_with('"') && text.size() > field.size()) {
    text = text.substr(field.size(), text.size() - field.size() - 1);
  } else if (text.starts_with(path)) {
    text.remove_prefix(path.size());
  } else {
    return std::nullopt;
  }
  const auto bytes = decode_base64(text);
  Pin pin{};
  if (text.size() != 44 || !bytes || bytes->size() != pin.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), pin.begin());
  return pin;
}

Pin pin_of(const X509* certificate) {
  Pin pin{};
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size > 0) SHA256(der, static_cast<std::size_t>(size), pin.data());
  OPENSSL_free(der);
  return pin;
}

bool holds_pin(const STACK_OF(X509) * chain, const std::vector<Pin>& pins) {
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    const Pin pin = pin_of(sk_X509_value(chain, i));
    if (std::find(pins.begin(), pins.end(), pin) != pins.end()) return true;
  }
  return false;
}

}  // namespace hawser::net
