#include "provider/credential.hpp"

namespace hawser::provider {
namespace {

Error too_old(const std::string& provider, const Freshness& fresh) {
  Error error{.code = Code::upstream,
              .message = "the credential for provider '" + provider +
                         "' is too old: its source is away (" + fresh.source() + ")"};
  error.status = 503;
  error.client_may_retry = false;
  return error;
}

}  // namespace

Credential::Credential(std::shared_ptr<const Provider> provider, CredentialParts parts)
    : provider_(std::move(provider)), parts_(std::move(parts)) {}

Result<> Credential::ready(Clock::time_point now) {
  for (const auto& fresh : parts_.fresh) {
    if (!fresh->good(now)) return too_old(provider_->name(), *fresh);
  }
  if (!parts_.token) return {};
  if (!parts_.token->good(now)) return too_old(provider_->name(), *parts_.token);
  if (const auto version = parts_.token->version(); version != version_) {
    field_ = provider_->credential_field(parts_.token->value().reveal());
    version_ = version;
  }
  return {};
}

}  // namespace hawser::provider
