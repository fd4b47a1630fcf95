#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "exchange/exchange.hpp"
#include "price/price_table.hpp"
#include "stage/admit/budget.hpp"
#include "stage/admit/forecast.hpp"
#include "store/ledger.hpp"
#include "store/limit_counters.hpp"

namespace hawser::stage::admit {

/// What one exchange costs, and whether that is known: holds money of its budgets until it is
/// known, and writes a row of the ledger for each attempt, whatever became of it.
class Bill {
 public:
  /// @param address  of who asks, for budgets by address
  /// @param ledger   null: none is kept
  /// @param expected  what it may use
  Bill(const exchange::Exchange& exchange, std::string address,
       std::shared_ptr<const price::PriceTable> prices, store::Ledger* ledger, Forecast expected);
  ~Bill() { give_back(0); }
  Bill(const Bill&) = delete;
  Bill& operator=(const Bill&) = delete;

  /// False: what costs nothing by its kind, such as a list.
  bool buys() const { return expected_.purchase != price::Purchase::nothing; }
  /// Whether what it buys has a price at this target, and it is known how much that is.
  bool priced_at(const exchange::Target& target) const;
  /// What is expected costs at this target; 0 where no price is known.
  price::NanoUsd expected_at(const exchange::Target& target) const;
  /// @param budget  outlives the bill
  /// @return false: the budget has no room for it
  bool take(const Budget& budget, const store::LimitCounterPtr& counter, const Window& window,
            price::NanoUsd amount);
  void undo() { give_back(0); }
  /// The same at another target: what it costs there, of the budgets that are set for it.
  /// @param counter_at  the counter that a budget by target has there
  /// @return false: a budget has no room for it, or a hard one no price; nothing has changed
  using CounterAt = std::function<store::LimitCounterPtr(const Budget&)>;
  bool moves_to(const exchange::Target& target, const CounterAt& counter_at);
  /// It is longer than was expected: takes that too, whether there is room or not.
  void extend(std::uint64_t output);

  /// An attempt that came to nothing.
  void failed(const exchange::Target& target, std::uint32_t attempt, Code code);
  /// The attempt that answers; the target may be gone when it is settled.
  void answers(const exchange::Target& target, std::uint32_t attempt);
  /// @param counted  `told` is our own estimate, for the provider told none
  /// @param whole    the answer came to its end
  void settle(const dialect::Usage& told, bool counted, bool whole);

 private:
  struct Held {
    const Budget* budget;
    store::LimitCounterPtr counter;
    std::int64_t window;
    std::chrono::system_clock::time_point end;  // of it
    price::NanoUsd amount;
  };
  store::LedgerRow row_of(std::uint32_t attempt) const;
  void name_target(const exchange::Target& target, store::LedgerRow& row) const;
  price::Quote quote_of(const exchange::Target& target) const;
  price::NanoUsd charge(const price::Quote& quote, const dialect::Usage& usage,
                        const price::MediaUsage& media) const;
  price::MediaUsage media_of(const dialect::Usage& usage) const;
  /// Whether a hard budget is among those that hold.
  bool binds() const;
  void give_back(price::NanoUsd spent);

  std::shared_ptr<const price::PriceTable> prices_;
  store::Ledger* ledger_;
  exchange::NotesPtr notes_;
  Forecast expected_;
  store::LedgerRow names_{};  // the exchange's, and of the target that answers
  std::chrono::system_clock::time_point begun_ = std::chrono::system_clock::now();
  price::Quote quote_{};
  std::vector<Held> held_{};
};

}  // namespace hawser::stage::admit
