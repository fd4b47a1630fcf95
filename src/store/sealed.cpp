#include "store/sealed.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <climits>
#include <memory>
#include <stdexcept>

namespace hawser::store {
namespace {

constexpr int nonce_size = 12;
constexpr int tag_size = 16;

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const unsigned char* in(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* out(std::string& bytes, std::size_t at) {
  return reinterpret_cast<unsigned char*>(bytes.data()) + at;
}
int length(std::string_view bytes) {
  if (bytes.size() > INT_MAX - nonce_size - tag_size) throw std::length_error("too long to seal");
  return static_cast<int>(bytes.size());
}

}  // namespace

std::string seal(const KeyBytes& key, std::string_view clear, std::string_view bound) {
  std::string sealed(nonce_size + clear.size() + tag_size, '\0');
  const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  int size = 0;
  const bool done =
      cipher && RAND_bytes(out(sealed, 0), nonce_size) == 1 &&
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.data(), in(sealed)) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &size, in(bound), length(bound)) == 1 &&
      EVP_EncryptUpdate(cipher.get(), out(sealed, nonce_size), &size, in(clear), length(clear)) ==
          1 &&
      EVP_EncryptFinal_ex(cipher.get(), out(sealed, nonce_size + clear.size()), &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tag_size,
                          out(sealed, nonce_size + clear.size())) == 1;
  if (!done) throw std::runtime_error("AES-GCM failed");
  return sealed;
}

std::optional<std::string> open_sealed(const KeyBytes& key, std::string_view sealed,
                                       std::string_view bound) {
  if (sealed.size() < nonce_size + tag_size) return std::nullopt;
  const std::string_view body = sealed.substr(nonce_size, sealed.size() - nonce_size - tag_size);
  std::string tag(sealed.substr(sealed.size() - tag_size));
  std::string clear(body.size(), '\0');
  const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  int size = 0;
  const bool opened =
      cipher &&
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.data(), in(sealed)) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &size, in(bound), length(bound)) == 1 &&
      EVP_DecryptUpdate(cipher.get(), out(clear, 0), &size, in(body), length(body)) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, tag_size, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), out(clear, clear.size()), &size) == 1;
  if (!opened) return std::nullopt;
  return clear;
}

}  // namespace hawser::store
