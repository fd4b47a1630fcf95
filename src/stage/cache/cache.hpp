#pragma once

#include <functional>
#include <random>
#include <unordered_map>

#include "exchange/call.hpp"
#include "exchange/stage.hpp"
#include "net/byte_budget.hpp"
#include "net/offload.hpp"
#include "stage/cache/cacheable.hpp"
#include "stage/cache/control.hpp"
#include "stage/cache/disk_shelf.hpp"
#include "stage/cache/semantic.hpp"
#include "stage/cache/shelf.hpp"
#include "telemetry/metrics.hpp"

namespace hawser::stage::cache {

/// Figures of the cache.
struct CacheFigures {
  telemetry::SeriesId hits{};
  telemetry::SeriesId misses{};
  telemetry::SeriesId stale{};
  telemetry::SeriesId bypassed{};
  telemetry::SeriesId stored{};
  telemetry::SeriesId saved_tokens{};
  telemetry::SeriesId disk_hits{};
  telemetry::SeriesId disk_misses{};
  telemetry::SeriesId disk_late{};
  telemetry::SeriesId disk_errors{};
};
CacheFigures cache_figures(telemetry::Registry& registry);

/// Answers from what was answered before, where the request allows it; keeps what may be given
/// again. A hit costs nothing: its reservation goes back.
class Cache final : public exchange::Stage {
 public:
  /// Runs a request of ours beside the client's, to have its answer stored.
  using RunAside = std::function<void(exchange::Call::Given given, std::function<void()> over)>;

  /// Where entries are.
  struct Shelves {
    Shelf& memory;
    DiskShelf* disk = nullptr;         // null: there is none
    Neighbours* neighbours = nullptr;  // null: answers are found by their key alone
  };

  /// What it has of its worker.
  struct Worker {
    net::Reactor& reactor;
    net::WorkerBytes& bytes;
    net::Offload& offload;
    telemetry::Shard& shard;
  };

  Cache(std::shared_ptr<const CacheConfig> config, const Shelves& shelves, const Worker& worker,
        const CacheFigures& figures, RunAside run_aside, PassedFieldsPtr passed,
        std::shared_ptr<Semantic> semantic = nullptr);

  Task<exchange::Answer> run(exchange::Exchange& exchange, exchange::Next next) override;

 private:
  struct Rules {
    Mode mode;
    milliseconds ttl;
    Scope scope;

    /// What the model does not say stays as it is here.
    Rules overridden_by(const ModelCacheConfig& model) const {
      return {model.mode.value_or(mode), model.ttl.value_or(ttl), model.scope.value_or(scope)};
    }
  };
  /// One request, weighed.
  struct Asked {
    Rules rules;
    Cacheability facts;
    Control control;
    std::string canonical;
    net::ByteLease lease;            // of it
    const exchange::Target* target;  // that is asked first
    Key key;
    Semantic::MeaningPtr meaning{};  // null: not looked up by it
  };
  enum class Freshness : std::uint8_t { fresh, revalidate, stale };

  const Rules& rules_of(const exchange::Exchange& exchange) const;
  /// The disk, where what this exchange carries may be there.
  DiskShelf* disk_of(const exchange::Exchange& exchange) const {
    return exchange.residency.grants.allow(policy::Grants::disk_cache) ? disk_ : nullptr;
  }
  Task<EntryPtr> find_on_disk(exchange::Exchange& exchange, const Asked& asked);
  bool weigh(const exchange::Exchange& exchange, Asked& asked) const;
  Task<exchange::Answer> weigh_and_look(exchange::Exchange& exchange, exchange::Next next,
                                        Asked asked);
  Task<exchange::Answer> bypass(exchange::Exchange& exchange, exchange::Next next,
                                const Asked& asked);
  net::ByteLease lease(const exchange::Exchange& exchange) const;
  Task<exchange::Answer> look(exchange::Exchange& exchange, exchange::Next next, Asked asked);
  Freshness freshness_of(const Entry& entry, const Control& control, milliseconds age) const;
  /// Null: it cannot be given in the shape that is asked for.
  exchange::Answer answer_from(const exchange::Exchange& exchange, const Asked& asked,
                               const EntryPtr& entry, std::string_view detail);
  exchange::Answer keep(const exchange::Exchange& exchange, const Asked& asked,
                        exchange::Answer answer);
  Task<exchange::Answer> answer_by_meaning(exchange::Exchange& exchange, Asked& asked);
  void refresh(const exchange::Exchange& exchange, const Key& key);
  milliseconds jittered(milliseconds ttl);

  std::shared_ptr<const CacheConfig> config_;
  PassedFieldsPtr passed_;
  Rules general_;
  std::unordered_map<std::string_view, Rules> by_model_;
  Shelf& shelf_;
  DiskShelf* disk_;
  net::Reactor& reactor_;
  net::WorkerBytes& bytes_;
  net::Offload& offload_;
  telemetry::Shard& shard_;
  CacheFigures figures_;
  RunAside run_aside_;
  std::shared_ptr<Semantic> semantic_;  // null: off
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace hawser::stage::cache
