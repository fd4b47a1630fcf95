#pragma once

#include <openssl/evp.h>

#include <array>
#include <string_view>

namespace hawser {

inline std::array<unsigned char, 32> sha256(std::string_view bytes) {
  std::array<unsigned char, 32> digest{};
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return digest;
}

}  // namespace hawser
