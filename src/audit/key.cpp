#include "audit/key.hpp"

#include <stdexcept>

namespace hawser::audit {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

SigningKey::SigningKey(const MasterKey& secret) {
  const KeyBytes seed = secret.derive("hawser audit signature");
  key_.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), KeyBytes::size));
  std::string raw(32, '\0');
  std::size_t size = raw.size();
  if (!key_ || EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(raw.data()),
                                           &size) != 1) {
    throw std::runtime_error("audit: Ed25519 is not available");
  }
  public_hex_ = to_hex(raw);
}

std::string SigningKey::sign(std::string_view text) const {
  const Context context(EVP_MD_CTX_new());
  std::string signature(signature_size, '\0');
  std::size_t size = signature.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     bytes(text), text.size()) != 1) {
    throw std::runtime_error("audit: signing failed");
  }
  return signature;
}

std::optional<PublicKey> PublicKey::parse(std::string_view hex) {
  const auto raw = from_hex(hex);
  if (!raw || raw->size() != 32) return std::nullopt;
  PublicKey key;
  key.key_.reset(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes(*raw), raw->size()),
                 FreeKey());
  if (!key.key_) return std::nullopt;
  key.hex_ = hex;
  return key;
}

bool PublicKey::verifies(std::string_view text, std::string_view signature) const {
  const Context context(EVP_MD_CTX_new());
  return context &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(text),
                          text.size()) == 1;
}

}  // namespace hawser::audit
