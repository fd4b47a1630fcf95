#pragma once

#include "base/task.hpp"
#include "net/cancellation.hpp"
#include "stage/cache/shelf.hpp"
#include "store/disk_cache.hpp"

namespace hawser::stage::cache {

/// The second tier: entries that outlive the process. Shared by the workers; none of them ever
/// waits for the disk longer than the budget.
class DiskShelf {
 public:
  static constexpr milliseconds budget{30};

  struct Found {
    enum class Outcome : std::uint8_t { hit, miss, late, error };
    Outcome outcome = Outcome::late;
    EntryPtr entry{};
  };

  /// @throws std::runtime_error for a key that CacheConfig::check() would refuse
  explicit DiskShelf(const DiskConfig& config);

  /// What keys of entries are made with: the same after each start.
  std::string key_secret() const { return key_secret_; }

  /// @param here          of the worker that asks
  /// @param owner         whose entry it is; nothing: everybody's
  /// @param cancellation  ends the wait; outlives it
  Task<Found> find(net::Reactor& here, const Key& key, std::optional<std::string> owner,
                   net::Cancellation& cancellation);
  /// Later, and not at all when the disk cannot keep up.
  /// @param stale_for  how long it may be given behind its ttl
  void put(const Key& key, const Entry& entry, std::optional<std::string> owner,
           milliseconds stale_for);
  /// Error: overloaded, when the disk does not serve.
  Task<Result<std::size_t>> purge(net::Reactor& here, const Purge& purge);
  /// Writes what is left; to be called once no worker runs any more.
  void stop() { disk_.stop(); }
  store::DiskCache::Totals totals() const { return disk_.totals(); }

 private:
  DiskShelf(const DiskConfig& config, MasterKey master);

  std::string key_secret_;
  store::DiskCache disk_;
};

}  // namespace hawser::stage::cache
