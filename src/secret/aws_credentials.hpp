#pragma once

#include <memory>
#include <optional>
#include <string>

#include "config/scalar.hpp"
#include "secret/config.hpp"
#include "secret/service.hpp"
#include "secret/sigv4.hpp"

namespace hawser::secret {

/// Who we are towards AWS, kept for as long as it holds.
class AwsIdentity {
 public:
  /// @param config  outlives it
  AwsIdentity(Loop& loop, const AwsConfig& config, config::Lookups lookups);

  /// Good for five more minutes, or for as long as there is no newer one.
  /// Errors: invalid_request (none is to be found), and those of what is asked
  Task<Result<const AwsCredentials*>> current(Clock::time_point deadline);
  /// What is kept was refused.
  void forget() { until_ = Clock::time_point{}; }

 private:
  struct Found {
    AwsCredentials credentials{};
    Clock::time_point until = Clock::time_point::max();
  };
  Task<Result<Found>> find(Clock::time_point deadline);
  std::optional<Found> from_environment() const;
  Result<Found> from_profile() const;
  Task<Result<Found>> from_web_identity(Clock::time_point deadline);
  Task<Result<Found>> from_machine(Clock::time_point deadline);
  std::string variable(const char* name) const;

  Loop& loop_;
  const AwsConfig& config_;
  config::Lookups lookups_;
  Found found_{};
  Clock::time_point until_{};
};

/// Of the configuration or the environment; empty: none is told.
std::string aws_region(const AwsConfig& config, const config::Lookups& lookups);
/// Where a service is asked: "https://kms.eu-central-1.amazonaws.com".
std::string aws_endpoint(const AwsConfig& config, const config::Lookups& lookups,
                         const std::string& service);

/// One section of a credentials file ("[default]", "aws_access_key_id = ...").
std::optional<AwsCredentials> parse_profile(std::string_view text, std::string_view profile);
/// "2026-01-02T03:04:05Z"; nothing where it is no such time.
std::optional<std::chrono::system_clock::time_point> parse_aws_time(std::string_view text);

}  // namespace hawser::secret
