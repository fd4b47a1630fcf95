#include "base/master_key.hpp"

#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>

#include "base/base64.hpp"

namespace hawser {
namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool read_hex(std::string_view text, unsigned char* out) {
  if (text.size() != 2 * KeyBytes::size) return false;
  for (std::size_t i = 0; i < KeyBytes::size; ++i) {
    const int high = digit(text[2 * i]);
    const int low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<unsigned char>(high << 4 | low);
  }
  return true;
}

bool read_base64(std::string_view text, unsigned char* out) {
  auto bytes = decode_base64(text);
  if (!bytes) return false;
  const bool whole = bytes->size() == KeyBytes::size;
  if (whole) std::copy(bytes->begin(), bytes->end(), out);
  OPENSSL_cleanse(bytes->data(), bytes->size());
  return whole;
}

std::string_view trimmed(std::string_view text) {
  constexpr auto blanks = " \t\r\n";
  const auto begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

}  // namespace

Result<MasterKey> MasterKey::parse(const Secret& secret) {
  const std::string_view text = trimmed(secret.reveal());
  MasterKey key;
  if (read_hex(text, key.bytes_.data()) || read_base64(text, key.bytes_.data())) return key;
  return Error{.code = Code::invalid_request,
               .message =
                   "is 32 bytes, as 64 hexadecimal digits or in base64 "
                   "(make one with: openssl rand -hex 32)"};
}

KeyBytes MasterKey::derive(std::string_view purpose, std::string_view name) const {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  };
  // The purpose with its length before it: no two pairs of purpose and name look alike.
  std::string info = "hawser:" + std::to_string(purpose.size()) + ":";
  info.append(purpose).append(name);
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr), EVP_PKEY_CTX_free);
  KeyBytes out;
  std::size_t size = KeyBytes::size;
  const bool derived =
      context && EVP_PKEY_derive_init(context.get()) == 1 &&
      EVP_PKEY_CTX_set_hkdf_md(context.get(), EVP_sha256()) == 1 &&
      EVP_PKEY_CTX_set1_hkdf_key(context.get(), bytes_.data(), KeyBytes::size) == 1 &&
      EVP_PKEY_CTX_add1_hkdf_info(context.get(), bytes(info), static_cast<int>(info.size())) == 1 &&
      EVP_PKEY_derive(context.get(), out.data(), &size) == 1;
  if (!derived) throw std::runtime_error("HKDF failed");
  return out;
}

}  // namespace hawser
