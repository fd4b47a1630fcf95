#include "audit/digest.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace hawser::audit {
std::optional<Digest> digest_from_hex(std::string_view text) {
  const auto bytes = from_hex(text);
  Digest digest{};
  if (!bytes || bytes->size() != digest.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), digest.begin());
  return digest;
}

Hasher::Hasher() : context_(EVP_MD_CTX_new()) {
  if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 is not available");
  }
}

// Keeps the algorithm, which was fetched once.
void Hasher::begin() {
  EVP_DigestInit_ex(context_.get(), nullptr, nullptr);
}
void Hasher::add(std::string_view bytes) {
  EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
}
Digest Hasher::end() {
  Digest digest{};
  EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
  return digest;
}

Digest Hasher::link(const Digest& before, std::string_view text) {
  const char leaf = '\0';
  begin();
  add({&leaf, 1});
  add(view(before));
  add(text);
  return end();
}

Digest Hasher::node(const Digest& left, const Digest& right) {
  char both[1 + 2 * sizeof(Digest)] = {1};
  std::memcpy(both + 1, left.data(), left.size());
  std::memcpy(both + 1 + left.size(), right.data(), right.size());
  return whole({both, sizeof both});
}

}  // namespace hawser::audit
