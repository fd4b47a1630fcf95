#include "stage/authenticate/authenticate.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>

#include "base/credential_headers.hpp"
#include "base/hex.hpp"

namespace hawser::stage::authenticate {

using exchange::Answer;
using exchange::Exchange;

namespace {

Error refusal(bool given) {
  Error error;
  error.code = Code::authentication;
  error.message = given ? "Incorrect API key provided."
                        : "You didn't provide an API key. Send it as Authorization: Bearer KEY.";
  return error;
}

/// What a key may call; a list that is empty leaves it what keeps no state at providers.
dialect::OperationSet operations_of(const KeyConfig& key) {
  if (key.operations.empty()) return dialect::default_operations();
  return dialect::operations_of_grants(key.operations);
}

Error may_not(const Exchange& exchange) {
  const auto& traits = exchange.request.endpoint.traits();
  Error error;
  error.code = Code::permission;
  error.message = traits.operation == dialect::Operation::unknown
                      ? "This API key may not call paths that the gateway does not know."
                      : "This API key may not call \"" + std::string(traits.grant) + "\".";
  error.client_may_retry = false;
  return error;
}

}  // namespace

bool parse_hash(std::string_view text, Digest& out) {
  if (!text.starts_with("sha256:")) return false;
  text.remove_prefix(7);
  if (text.size() != 2 * out.size()) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<unsigned char>(high * 16 + low);
  }
  return true;
}

std::size_t KeyTable::HashPrefix::operator()(const Digest& digest) const {
  std::size_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

KeyTable::KeyTable(const std::vector<KeyConfig>& keys) {
  for (const KeyConfig& key : keys) {
    Entry entry{{key.tenant, key.team, key.name, key.models, operations_of(key), key.any_objects,
                 key.shared},
                {},
                {}};
    if (key.needs_certificate) entry.certificate = key.client_subject;
    if (!key.client_subject.empty() && !key.needs_certificate)
      subjects_.emplace(key.client_subject, entry.principal);
    if (!parse_hash(key.hash, entry.digest)) continue;
    const Digest digest = entry.digest;
    entries_.emplace(digest, std::move(entry));
  }
}

const KeyTable::Entry* KeyTable::find(const Digest& digest,
                                      const std::vector<std::string>* client_names) const {
  const auto found = entries_.find(digest);
  if (found == entries_.end()) return nullptr;
  // The table finds by a digest, which tells nothing of the key; the last word is constant-time.
  const Entry& entry = found->second;
  if (CRYPTO_memcmp(entry.digest.data(), digest.data(), digest.size()) != 0) return nullptr;
  if (entry.certificate.empty()) return &entry;
  const bool shown = client_names != nullptr &&
                     std::find(client_names->begin(), client_names->end(), entry.certificate) !=
                         client_names->end();
  return shown ? &entry : nullptr;
}

const exchange::Principal* KeyTable::find(const std::vector<std::string>* client_names) const {
  if (client_names == nullptr || subjects_.empty()) return nullptr;
  for (const std::string& name : *client_names) {
    if (const auto found = subjects_.find(name); found != subjects_.end()) return &found->second;
  }
  return nullptr;
}

std::string_view presented_key(const wire::RequestHead& head) {
  constexpr std::string_view scheme = "bearer ";
  for (const wire::Field& field : head.fields) {
    if (!is_key_header(field.name)) continue;
    if (!is_header(field.name, key_header::authorization)) return field.value;
    if (field.value.size() <= scheme.size()) continue;
    if (!wire::same_token(field.value.substr(0, scheme.size()), scheme)) continue;
    return field.value.substr(scheme.size());
  }
  return {};
}

std::optional<exchange::ClientName> client_of(const KeyTable& keys, const wire::RequestHead& head,
                                              const std::vector<std::string>& client_names) {
  if (keys.empty()) return exchange::ClientName{};
  const auto named = [](const exchange::Principal& principal) {
    return exchange::ClientName{principal.tenant, principal.key};
  };
  const std::string_view key = presented_key(head);
  if (key.empty()) {
    const auto* const principal = keys.find(&client_names);
    return principal == nullptr ? std::nullopt : std::optional(named(*principal));
  }
  Digest digest{};
  EVP_Digest(key.data(), key.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  const auto* const entry = keys.find(digest, &client_names);
  return entry == nullptr ? std::nullopt : std::optional(named(entry->principal));
}

Authenticate::Authenticate(std::shared_ptr<const KeyTable> keys)
    : keys_(std::move(keys)), context_(EVP_MD_CTX_new()) {
  EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
}

Digest Authenticate::digest_of(std::string_view key) {
  Digest digest{};
  EVP_DigestInit_ex(context_.get(), nullptr, nullptr);  // keeps the algorithm, fetched once
  EVP_DigestUpdate(context_.get(), key.data(), key.size());
  EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
  return digest;
}

Task<Answer> Authenticate::run(Exchange& exchange, exchange::Next next) {
  if (keys_->empty()) return next(exchange);
  const std::string_view key = presented_key(*exchange.request.head);
  const exchange::Principal* principal = nullptr;
  if (key.empty()) {
    principal = keys_->find(exchange.request.client_names);
  } else if (const KeyTable::Entry* entry =
                 keys_->find(digest_of(key), exchange.request.client_names)) {
    principal = &entry->principal;
  }
  if (principal == nullptr) return exchange::answer_now(refusal(!key.empty()));
  exchange.principal = principal;
  if (!principal->operations.has(exchange.request.endpoint.operation())) {
    return exchange::answer_now(may_not(exchange));
  }
  return next(exchange);
}

}  // namespace hawser::stage::authenticate
