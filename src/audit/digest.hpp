#pragma once

#include <openssl/evp.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/hex.hpp"

namespace hawser::audit {

using Digest = std::array<unsigned char, 32>;

inline std::string_view view(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}
std::optional<Digest> digest_from_hex(std::string_view text);

/// SHA-256 as the log uses it. A record's hash is both its link in the chain and its leaf in the
/// Merkle tree, of RFC 9162, 2.1.1: the leaf's data is the hash before it and its own text.
class Hasher {
 public:
  Hasher();

  Digest link(const Digest& before, std::string_view text);
  Digest node(const Digest& left, const Digest& right);
  /// Of a text that stands alone.
  Digest whole(std::string_view text) {
    begin();
    add(text);
    return end();
  }

  void begin();
  void add(std::string_view bytes);
  Digest end();

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace hawser::audit
