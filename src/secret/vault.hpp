#pragma once

#include <map>
#include <memory>
#include <string>

#include "secret/config.hpp"
#include "secret/service.hpp"
#include "secret/source.hpp"

namespace hawser::secret {

/// HashiCorp Vault or OpenBao: KV version 2, engines whose values have leases, Transit. Logs in,
/// renews its token and leases, logs in again when the token is no good any more. Asked for one
/// thing at a time.
/// Source: Vault's HTTP API
class Vault {
 public:
  /// @throws std::runtime_error for a URL or a TLS file that is not good
  Vault(Loop& loop, std::shared_ptr<const VaultConfig> config);

  /// "MOUNT/PATH" in a KV engine, or "/PATH" of the API as it stands: the object of its fields.
  Task<Result<Fetched>> read(std::string location, Clock::time_point deadline);
  /// "KEY#vault:v1:..." of Transit.
  Task<Result<Fetched>> decrypt(std::string location, Clock::time_point deadline);

 private:
  struct Lease {
    std::string id{};
    Secret data{};
  };
  enum class With : std::uint8_t { token, nothing };

  Task<Result<Secret>> call(Question question, With with, Clock::time_point deadline);
  Task<Result<Secret>> call_with_token(const char* method, std::string path, std::string body,
                                       Clock::time_point deadline);
  Task<Result<>> have_token(Clock::time_point deadline);
  Task<Result<>> log_in(Clock::time_point deadline);
  Task<Result<>> look_up_token(Clock::time_point deadline);
  Task<bool> renew_token(Clock::time_point deadline);
  Task<Result<Fetched>> read_engine(std::string path, Clock::time_point deadline);
  Result<Question> login_question() const;
  void take_token(const Secret& answer);

  std::shared_ptr<const VaultConfig> owner_;
  const VaultConfig& config_ = *owner_;
  Service service_;
  Secret token_{};
  bool renewable_ = false;
  Clock::time_point renew_at_ = Clock::time_point::max();
  Clock::time_point ends_at_ = Clock::time_point::max();
  std::map<std::string, Lease> leases_{};  // by path
};

/// The two things that Vault gives, as sources.
class VaultValues final : public Source {
 public:
  explicit VaultValues(std::shared_ptr<Vault> vault) : vault_(std::move(vault)) {}
  Task<Result<Fetched>> fetch(std::string location, Clock::time_point deadline) override {
    return vault_->read(std::move(location), deadline);
  }

 private:
  std::shared_ptr<Vault> vault_;
};

class VaultTransit final : public Source {
 public:
  explicit VaultTransit(std::shared_ptr<Vault> vault) : vault_(std::move(vault)) {}
  Task<Result<Fetched>> fetch(std::string location, Clock::time_point deadline) override {
    return vault_->decrypt(std::move(location), deadline);
  }

 private:
  std::shared_ptr<Vault> vault_;
};

}  // namespace hawser::secret
