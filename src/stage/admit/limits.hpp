#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "exchange/exchange.hpp"
#include "price/price_table.hpp"
#include "stage/admit/budget.hpp"
#include "stage/admit/config.hpp"
#include "store/limit_counters.hpp"

namespace hawser::stage::admit {

/// Whether `patterns` hold this name; a trailing * matches any ending; an empty list holds all.
bool holds(const std::vector<std::string>& patterns, std::string_view name);

/// One limit, ready for use.
struct Limit {
  std::string name{};
  std::vector<By> by{};
  Unit unit = Unit::requests;
  store::Pace pace{};        // not of concurrent
  std::uint32_t places = 0;  // of concurrent
  bool waits = false;        // leaky: who comes too early waits
  std::uint64_t waiting_max = 0;
  milliseconds wait_max{};
  std::vector<std::string> tenants{};
  std::vector<std::string> keys{};
  std::vector<std::string> models{};
  std::size_t index = 0;
  bool by_target = false;

  bool concerns(const exchange::Exchange& exchange) const;
};

/// What is taken of each unit for one exchange, or was used by it.
struct Amounts {
  std::uint64_t input = 0;
  std::uint64_t output = 0;

  std::uint64_t of(Unit unit) const;
};

/// What is taken for a request that does not tell.
struct ForecastDefaults {
  std::uint32_t input_tokens = 0;
  std::uint32_t output_tokens = 0;
  std::uint32_t audio_bytes_a_second = 1;
  bool background_responses = false;
};

/// All limits of one configuration. Immutable, shared by the workers.
class LimitTable {
 public:
  struct Share {
    std::uint32_t weight = 1;
    Priority priority = Priority::normal;
  };
  struct Given {
    const std::vector<RateLimitConfig>& limits;
    const AdmissionConfig& admission;
    const config::Map<TenantConfig>& tenants;
    const std::vector<BudgetConfig>& budgets;
    bool ledger = false;  // one is kept
    std::shared_ptr<const price::PriceTable> prices{};
  };
  explicit LimitTable(const Given& given);

  /// Nobody has to be asked.
  bool empty() const { return limits_.empty() && !bills(); }
  /// Whether anybody asks what an exchange costs.
  bool bills() const { return bills_; }
  const std::vector<Budget>& budgets() const { return budgets_; }
  const std::shared_ptr<const price::PriceTable>& prices() const { return prices_; }
  bool counts_tokens() const { return counts_tokens_; }
  const std::vector<Limit>& limits() const { return limits_; }
  /// What is taken for a request that does not tell what it needs.
  const ForecastDefaults& defaults() const { return defaults_; }
  /// Exchanges that may wait for leaky buckets at a time.
  std::uint32_t waiting_max() const { return waiting_max_; }
  /// Whether a hard budget or a limit of output binds it.
  bool binds_output(const exchange::Exchange& exchange) const;
  /// The first hard budget that concerns a tenant; null: none does.
  const Budget* hard_budget(std::string_view tenant) const;
  /// Whether calls of the tenant hold of a budget all that they may use.
  bool reserves_most(std::string_view tenant) const;
  Share share_of(std::string_view tenant) const;

  /// Who asks, as counters are named. `user` is what the client wrote, unescaped and cut, as the
  /// ledger has it: counters are named by its digest.
  struct Who {
    std::string_view address{}, key{}, user{}, team{}, tenant{}, model{}, target{};
  };
  static void name_counter(std::string_view limit, const std::vector<By>& by, const Who& who,
                           store::CounterName& out);
  /// Writes the name of the counter that `budget` has for this exchange at `target` into `out`.
  /// Starts with a word that no limit's has.
  void name_counter(const Budget& budget, const exchange::Exchange& exchange,
                    const exchange::Target* target, store::CounterName& out) const;
  static void name_counter(const Budget& budget, const Who& who, store::CounterName& out);
  /// Writes the name of the counter that `limit` has for this exchange at `target` into `out`.
  /// @param target  null: it has none
  void name_counter(const Limit& limit, const exchange::Exchange& exchange,
                    const exchange::Target* target, store::CounterName& out) const;
  /// Who asks, as limits by address see it; empty where no budget is by address.
  std::string billed_address(const exchange::Exchange& exchange) const;

 private:
  std::string client_of(const exchange::Exchange& exchange) const;

  std::vector<Limit> limits_;
  std::vector<Budget> budgets_;
  bool bills_ = false;
  bool bills_addresses_ = false;
  std::shared_ptr<const price::PriceTable> prices_;
  bool counts_tokens_ = false;
  std::vector<IpPrefix> trusted_;
  unsigned ipv6_prefix_;
  ForecastDefaults defaults_;
  std::uint32_t waiting_max_;
  config::Map<TenantConfig> tenants_;
};

}  // namespace hawser::stage::admit
