#pragma once

#include <memory>
#include <vector>

#include "base/freshness.hpp"
#include "provider/provider.hpp"
#include "secret/live.hpp"

namespace hawser::provider {

/// What the credential of a provider depends on, where it comes over the network.
struct CredentialParts {
  std::vector<FreshnessPtr> fresh{};  // all must be
  secret::LivePtr token{};            // null: it stands in the configuration
  bool empty() const { return fresh.empty() && !token; }
};

/// A provider's credential as one worker knows it: what an attempt asks costs it one atomic.
class Credential {
 public:
  Credential(std::shared_ptr<const Provider> provider, CredentialParts parts);

  /// Error: upstream, with status 503, that names the source of what is too old
  Result<> ready(Clock::time_point now);
  /// As it goes out, after ready(); empty where the configuration holds it.
  std::string_view field() const { return field_.reveal(); }
  std::uint64_t version() const { return version_; }

  /// Whether a refusal may be mended by another token.
  bool renewable() const { return parts_.token != nullptr; }
  /// @param seen  the version that was refused
  /// @param done  called on another thread
  void renew(std::uint64_t seen, std::function<void()> done) const {
    parts_.token->renew(seen, std::move(done));
  }

 private:
  std::shared_ptr<const Provider> provider_;
  CredentialParts parts_;
  Secret field_{};
  std::uint64_t version_ = 0;  // of what field_ holds
};

}  // namespace hawser::provider
