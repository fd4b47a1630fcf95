#pragma once

#include <functional>
#include <memory>
#include <optional>
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
/// known, and writes a row of the ledger for each call, whatever became of it.
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
  /// The counter that a budget by target has at the target in question.
  using CounterAt = std::function<store::LimitCounterPtr(const Budget&)>;
  /// The next call goes there: takes what it costs there, of the budgets that are set for it. What
  /// is still held of the call before counts.
  /// @return false: a budget has no room for it, or a hard one no price; nothing has changed
  bool moves_to(const exchange::Target& target, const CounterAt& counter_at);
  /// It is longer than was expected: takes that too, whether there is room or not.
  void extend(std::uint64_t output);

  void begins(const exchange::Target& target, std::uint32_t attempt) {
    call_ = call_of(target, attempt);
  }
  /// A second call while the first is under way: takes what that costs too.
  /// @return as moves_to
  bool begins_beside(const exchange::Target& target, std::uint32_t attempt,
                     const CounterAt& counter_at);
  /// A call came to nothing. @param charged  as it was expected; else it costs nothing
  void failed(std::uint32_t attempt, Code code, bool charged);
  /// What the call used that answers, or answered until it broke: its row is written.
  /// @param counted  `usage` is our own estimate, for the provider did not tell all of it
  /// @param whole    the answer came to its end
  void settle(const dialect::Usage& usage, bool counted, bool whole);
  /// After the answer's settlement: takes what a further call of the same target costs.
  /// @return false: there is no room for it
  bool begins_again();

 private:
  struct Held {
    const Budget* budget;
    store::LimitCounterPtr counter;
    std::int64_t window;
    std::chrono::system_clock::time_point end;  // of it
    price::NanoUsd amount;
  };
  /// One call. The target may be gone when it is settled.
  struct Call {
    std::uint32_t attempt = 0;
    price::Quote quote{};
    price::NanoUsd expected = 0;
    std::string target{}, provider{}, model{};
    std::vector<Held> held{};  // of one beside the first
  };
  Call call_of(const exchange::Target& target, std::uint32_t attempt) const;
  store::LedgerRow row_of(const Call& call) const;
  /// Takes `amount` of all of them at the given counters. @return false: nothing was taken
  static bool take(std::vector<Held>& held, price::NanoUsd amount);
  static void spend(std::vector<Held>& held, price::NanoUsd spent);
  price::NanoUsd write(const Call& call, const dialect::Usage& told, bool counted,
                       std::string_view outcome);
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
  store::LedgerRow names_{};  // the exchange's
  std::chrono::system_clock::time_point begun_ = std::chrono::system_clock::now();
  Call call_{};
  std::optional<Call> beside_{};
  std::vector<Held> held_{};
};

}  // namespace hawser::stage::admit
