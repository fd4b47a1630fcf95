#pragma once

#include <openssl/evp.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "exchange/client_name.hpp"
#include "exchange/stage.hpp"
#include "stage/authenticate/config.hpp"

namespace hawser::stage::authenticate {

using Digest = std::array<unsigned char, 32>;

/// The virtual keys of one configuration; shared by all workers, never changed.
class KeyTable {
 public:
  struct Entry {
    exchange::Principal principal{};
    Digest digest{};
    std::string certificate{};  // a name that the client's must have; empty: none is needed
  };
  /// @param keys  checked before: hashes are "sha256:" and 64 hex digits
  explicit KeyTable(const std::vector<KeyConfig>& keys);

  bool empty() const { return entries_.empty() && subjects_.empty(); }
  /// @param client_names  of the client's certificate; null or empty: it showed none
  const Entry* find(const Digest& digest, const std::vector<std::string>* client_names) const;
  /// The key of the first name that is one's client_subject; null: none is.
  const exchange::Principal* find(const std::vector<std::string>* client_names) const;

 private:
  struct HashPrefix {
    std::size_t operator()(const Digest& digest) const;
  };
  std::unordered_map<Digest, Entry, HashPrefix> entries_;
  std::unordered_map<std::string, exchange::Principal> subjects_;
};

/// "sha256:HEX" to the digest; false when it is malformed.
bool parse_hash(std::string_view text, Digest& out);

/// Whose key is in `head`, or whose certificate stands for one where there is no key; nobody's, of
/// no name, where nobody needs one. Nothing: it is none of `keys`.
std::optional<exchange::ClientName> client_of(const KeyTable& keys, const wire::RequestHead& head,
                                              const std::vector<std::string>& client_names);

/// The key as any dialect's client sends it: Authorization: Bearer, x-api-key, api-key or
/// x-goog-api-key. A key may hold blanks. Empty when there is none.
std::string_view presented_key(const wire::RequestHead& head);

/// Lets nobody pass without a known key, where keys are configured. A key that is sent counts
/// alone, whatever the client's certificate says; without one the certificate may stand for a key.
class Authenticate final : public exchange::Stage {
 public:
  explicit Authenticate(std::shared_ptr<const KeyTable> keys);
  Task<exchange::Answer> run(exchange::Exchange& exchange, exchange::Next next) override;

 private:
  struct DigestFree {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  Digest digest_of(std::string_view key);

  std::shared_ptr<const KeyTable> keys_;
  std::unique_ptr<EVP_MD_CTX, DigestFree> context_;
};

}  // namespace hawser::stage::authenticate
