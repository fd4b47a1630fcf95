#pragma once

#include <memory>
#include <string>

#include "secret/aws_credentials.hpp"
#include "secret/source.hpp"

namespace hawser::secret {

/// AWS's services of JSON 1.1 that we ask: signed, with the identity that is there.
class Aws {
 public:
  /// @throws std::runtime_error where no region is told, for a TLS file that is not good
  Aws(Loop& loop, std::shared_ptr<const AwsConfig> config, const config::Lookups& lookups);

  /// @param service  "kms", "secretsmanager"
  /// @param target   "TrentService.Decrypt"
  /// Errors: as Source::fetch
  Task<Result<Secret>> call(const std::string& service, std::string target, std::string body,
                            Clock::time_point deadline);
  const AwsConfig& config() const { return config_; }

 private:
  Task<Result<Answer>> ask(Service& asked, const std::string& service, const std::string& target,
                           const std::string& body, Clock::time_point deadline);

  std::shared_ptr<const AwsConfig> owner_;
  const AwsConfig& config_ = *owner_;
  std::string region_;
  AwsIdentity identity_;
  Service kms_;
  Service secrets_manager_;
};

/// "[KEY#]BASE64", a ciphertext of KMS.
class KmsValues final : public Source {
 public:
  explicit KmsValues(std::shared_ptr<Aws> aws) : aws_(std::move(aws)) {}
  Task<Result<Fetched>> fetch(std::string location, Clock::time_point deadline) override;
  /// A new key of 32 bytes, as it may be kept. Error: as fetch
  Task<Result<std::string>> new_key(std::string key_id, Clock::time_point deadline);

 private:
  std::string context() const;
  std::shared_ptr<Aws> aws_;
};

/// A secret of Secrets Manager, by its name or ARN.
class SecretsManagerValues final : public Source {
 public:
  explicit SecretsManagerValues(std::shared_ptr<Aws> aws) : aws_(std::move(aws)) {}
  Task<Result<Fetched>> fetch(std::string location, Clock::time_point deadline) override;

 private:
  std::shared_ptr<Aws> aws_;
};

}  // namespace hawser::secret
