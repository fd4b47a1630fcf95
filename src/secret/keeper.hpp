#pragma once

#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "secret/config.hpp"
#include "secret/live.hpp"
#include "secret/oauth_config.hpp"
#include "secret/reference.hpp"
#include "secret/source.hpp"

namespace hawser::secret {

class Loop;

/// Whether what is at hand is good enough.
enum class How : std::uint8_t { kept, anew };

/// Fetches what comes over the network, keeps it fresh and knows until when it serves. All of it on
/// a thread of its own, which begins with the first thing that is wanted: nothing waits on a
/// worker.
class Keeper {
 public:
  /// What a configuration wants.
  struct Wanted {
    std::shared_ptr<const SecretsConfig> config{};
    std::vector<Reference> references{};
    std::vector<std::pair<std::string, std::shared_ptr<const OAuthConfig>>>
        tokens{};  // by provider
  };
  /// By document of the references, and by provider.
  struct Given {
    std::map<std::string, Result<Secret>> documents{};
    std::map<std::string, Result<>> tokens{};
  };
  /// For the figures.
  struct Shown {
    std::string source{};
    double age = 0;  // seconds since it was fetched, if ever
    bool good = false;
    std::uint64_t fetched = 0;
    std::uint64_t failed = 0;
  };

  Keeper();
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  /// Blocks until all of it was fetched or failed. What cannot be fetched is given as it was,
  /// within its time to live. Never called on a worker.
  Given get(Wanted wanted, How how);
  /// Nothing but this is kept fresh from now on.
  void retain(const Wanted& wanted);
  /// What tells of a document, or of a provider's token; null: it was never wanted.
  LivePtr live(const std::string& document) const;
  LivePtr token(const OAuthConfig& config) const;

  /// Called on the thread of secrets when a document is another one now.
  void on_change(std::function<void()> changed);
  std::vector<Shown> show() const;
  /// A new key of KMS, sealed: "kms:..." that HAWSER_MASTER_KEY_FILE may hold. Blocks.
  Result<std::string> new_master_key(std::shared_ptr<const SecretsConfig> config,
                                     std::string key_id);

  /// Ends the thread. What is asked for later fails.
  void stop();

 private:
  struct Item;
  struct Job;
  struct Sources;
  using ItemPtr = std::shared_ptr<Item>;

  void run_on_thread(std::function<void()> job);
  void begin(const std::shared_ptr<Job>& job);
  void use(std::shared_ptr<const SecretsConfig> config);
  ItemPtr item_of(const std::string& key, std::string source);
  Task<> fetch_group(std::shared_ptr<Job> job, std::string group, std::vector<ItemPtr> items);
  Task<> fetch(ItemPtr item, Clock::time_point deadline);
  Task<> renew(ItemPtr item, std::uint64_t seen, std::function<void()> done);
  Task<> make_key(std::shared_ptr<std::promise<Result<std::string>>> promise, std::string key_id);
  Task<bool> enter(std::string group);
  Task<> tend();
  void keep(Item& item, Fetched fetched);
  void fail(Item& item, Error error);
  Result<std::shared_ptr<Source>> source_of(const Item& item);
  static Given gather(const Job& job);

  std::unique_ptr<Loop> loop_;
  std::unique_ptr<Sources> sources_;
  std::map<std::string, bool> busy_{};  // by group
  std::map<std::string, ItemPtr> items_{};

  mutable std::mutex mutex_;  // of what follows
  std::map<std::string, ItemPtr> seen_{};
  std::function<void()> changed_{};
  std::thread thread_{};
  bool stopped_ = false;
};

}  // namespace hawser::secret
