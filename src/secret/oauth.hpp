#pragma once

#include <memory>
#include <string>

#include "secret/oauth_config.hpp"
#include "secret/service.hpp"
#include "secret/source.hpp"

namespace hawser::secret {

/// Tokens of a server that speaks OAuth 2.0: its lease is the token's life.
/// Source: RFC 6749, 4.4 and 5
class OAuthTokens final : public Source {
 public:
  /// @throws std::runtime_error for a URL or a TLS file that is not good
  OAuthTokens(Loop& loop, std::shared_ptr<const OAuthConfig> config);

  Task<Result<Fetched>> fetch(std::string location, Clock::time_point deadline) override;

 private:
  Result<Question> question() const;

  std::shared_ptr<const OAuthConfig> config_;
  Service service_;
};

/// What a token endpoint's answer means. Errors: permission (its word for why), upstream
Result<Fetched> read_token(int status, std::string_view body);

}  // namespace hawser::secret
