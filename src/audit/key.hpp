#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "audit/digest.hpp"
#include "base/master_key.hpp"

namespace hawser::audit {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

/// Signs with Ed25519 (RFC 8032).
class SigningKey {
 public:
  static constexpr std::size_t signature_size = 64;

  /// @param secret  the 32 bytes of `audit.key`; the key follows from them
  /// @throws std::runtime_error when the library has no Ed25519
  explicit SigningKey(const MasterKey& secret);

  std::string sign(std::string_view text) const;
  const std::string& public_hex() const { return public_hex_; }

 private:
  std::unique_ptr<EVP_PKEY, FreeKey> key_;
  std::string public_hex_;
};

/// The other side of one.
class PublicKey {
 public:
  /// @param hex  64 digits; nothing when it is no key
  static std::optional<PublicKey> parse(std::string_view hex);

  bool verifies(std::string_view text, std::string_view signature) const;
  const std::string& hex() const { return hex_; }

 private:
  std::shared_ptr<EVP_PKEY> key_;
  std::string hex_;
};

}  // namespace hawser::audit
