#include "stage/cache/key.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <span>

#include "base/canonical_json.hpp"

namespace hawser::stage::cache {
namespace {

// Names that change nothing in the answer. A list of those that do would be wrong with every new
// one.
constexpr std::string_view without[] = {
    "model",    "stream",           "stream_options",         "user",        "safety_identifier",
    "metadata", "prompt_cache_key", "prompt_cache_retention", "service_tier"};
constexpr std::size_t always_without = 3;  // the first ones, which no answer repeats

/// With its length before it: no two lists of parts look alike.
void append_part(std::string& out, std::string_view part) {
  out.append(std::to_string(part.size())).push_back(':');
  out.append(part);
}

void append_scope(std::string& out, const exchange::Exchange& exchange, Scope scope) {
  if (scope == Scope::global) return append_part(out, "global");
  append_part(out, exchange.principal->tenant);
  if (scope == Scope::tenant) return append_part(out, "tenant");
  // Keys without a team are none.
  if (scope == Scope::team && !exchange.principal->team.empty()) {
    append_part(out, "team");
    return append_part(out, exchange.principal->team);
  }
  append_part(out, scope == Scope::user ? "user" : "key");
  append_part(out, exchange.principal->key);
  if (scope == Scope::user) append_part(out, exchange.request.facts.user);
}

}  // namespace

std::optional<std::string> canonical_request(std::string_view body, dialect::AnswerFormat format) {
  const std::span<const std::string_view> all = without;
  const bool repeats = format == dialect::AnswerFormat::responses;
  return canonical_json(body, repeats ? all.first(always_without) : all);
}

bool holds_more_than_its_key(std::string_view body, std::string_view canonical) {
  // Its model is the target's, and its stream was read as a yes or a no.
  return canonical_json(body, std::span(without).first(2)) != canonical;
}

Key key_of(const exchange::Exchange& exchange, const Asking& asking, Scope scope,
           const exchange::Target& target, std::string_view secret) {
  std::string text;
  text.reserve(asking.canonical.size() + 256);
  append_part(text, "hawser-cache-2");
  append_scope(text, exchange, scope);
  append_part(text, exchange.request.endpoint.tail);
  std::string fields;
  asking.passed.append(*exchange.request.head, fields);
  append_part(text, fields);
  append_part(text, target.provider_name);
  append_part(text, target.model.empty() ? exchange.request.facts.model : target.model);
  if (!target.tags.empty()) append_part(text, target.tags);
  append_part(text, asking.canonical);
  Key key{};
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), key.data(), &size);
  return key;
}

}  // namespace hawser::stage::cache
