#include "admin/authority.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>

#include "base/web_caller.hpp"

namespace hawser::admin {
namespace {

using Digest = std::array<unsigned char, 32>;

Digest digest_of(std::string_view text) {
  Digest digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return digest;
}

/// In constant time, whatever their lengths.
bool equal(std::string_view a, std::string_view b) {
  const Digest x = digest_of(a), y = digest_of(b);
  return CRYPTO_memcmp(x.data(), y.data(), x.size()) == 0;
}

std::string_view bearer_of(const wire::RequestHead& head) {
  const auto* field = head.find("authorization");
  if (field == nullptr || field->value.size() <= 7) return {};
  return wire::same_token(field->value.substr(0, 7), "bearer ") ? field->value.substr(7)
                                                                : std::string_view();
}

/// No origin is listed here: no page administers.
bool from_a_page(const wire::RequestHead& head, const AdminConfig& config) {
  WebCaller caller{.method = head.method, .host = head.host};
  if (const auto* origin = head.find("origin")) {
    caller.has_origin = true;
    caller.origin = origin->value;
  }
  if (const auto* site = head.find("sec-fetch-site")) caller.site = site->value;
  if (const auto* mode = head.find("sec-fetch-mode")) caller.mode = mode->value;
  WebRules rules;
  rules.hosts = config.hosts;
  return judge(caller, rules) != WebVerdict::served;
}

}  // namespace

Needs needs_of(std::string_view path) {
  for (const std::string_view health : {"/healthz", "/health", "/health/liveliness",
                                        "/health/liveness", "/readyz", "/health/readiness"}) {
    if (path == health) return Needs::nothing;
  }
  return path == "/metrics" ? Needs::figures : Needs::token;
}

Access judge(const wire::RequestHead& head, const AdminConfig& config) {
  const Needs needs = needs_of(head.path);
  const bool reads = head.method == "GET" || head.method == "HEAD";
  if (needs == Needs::nothing && reads) return Access::granted;
  const std::string_view token = bearer_of(head);
  if (!config.token.empty() && !token.empty()) {
    return equal(token, config.token.reveal()) ? Access::granted : Access::wrong_token;
  }
  const bool open =
      config.token.empty() || (needs == Needs::figures && config.metrics == MetricsFor::everyone);
  if (!open) return Access::no_token;
  return from_a_page(head, config) ? Access::foreign_page : Access::granted;
}

}  // namespace hawser::admin
