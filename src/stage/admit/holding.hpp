#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "stage/admit/bill.hpp"
#include "stage/admit/estimate.hpp"
#include "stage/admit/limits.hpp"
#include "store/limit_counters.hpp"
#include "tokenizer/counter.hpp"

namespace hawser::stage::admit {

/// What one exchange holds of its limits. Tokens and places go back with it, less what was used;
/// requests were made and stay counted.
class Holding final : public exchange::Reservation {
 public:
  /// @param history  null: no limit counts tokens
  /// @param known    the worker's counters; it outlives the holding
  /// @param choices  answers that are asked for at once; 0: they are no text
  /// @param counter  counts what the provider will not tell
  Holding(std::shared_ptr<const LimitTable> table, store::KnownCounters& known, HistoryPtr history,
          const Amounts& amounts, const AskedText& asked, dialect::Api api, std::uint64_t choices,
          std::optional<tokenizer::Counter> counter)
      : table_(std::move(table)),
        known_(known),
        history_(std::move(history)),
        amounts_(amounts),
        asked_(asked),
        api_(api),
        choices_(choices),
        counter_(std::move(counter)) {
    held_.reserve(table_->limits().size());
  }
  ~Holding() override { give_back({}); }

  /// Takes what `limit` counts. @return how long until there is enough; taken: it is held from now
  store::Bucket::Verdict take(const Limit& limit, const store::LimitCounterPtr& counter,
                              Clock::time_point now);
  /// It was taken already, by the turnstile.
  void add(const Limit& limit, const store::LimitCounterPtr& counter) {
    held_.push_back({&limit, counter});
  }
  bool holds(const Limit& limit) const;
  /// Everything, requests too: it is not admitted.
  void undo();

  const Amounts& amounts() const { return amounts_; }

  void see(std::string_view bytes, std::uint32_t events) override;
  bool moves_to(const exchange::Exchange& exchange, const exchange::Target& target) override;
  void failed(const exchange::Target& target, std::uint32_t attempt, Code code) override {
    if (bill_) bill_->failed(target, attempt, code);
  }
  void answers(const exchange::Target& target, std::uint32_t attempt) override {
    if (bill_) bill_->answers(target, attempt);
  }
  void settle(const dialect::Usage& usage, bool whole) override;

  /// Null where nobody asks what it costs.
  Bill* bill() { return bill_.get(); }
  void charge_to(std::unique_ptr<Bill> bill) { bill_ = std::move(bill); }

 private:
  struct Held {
    const Limit* limit;
    store::LimitCounterPtr counter;
    std::uint64_t forgiven = 0;  // of what was taken: beyond the most that is owed
  };
  store::Bucket::Verdict weigh(const Limit& limit, const store::LimitCounterPtr& counter,
                               Clock::time_point now) const;
  void give_back(const Held& held, const Amounts& used, Clock::time_point now) const;
  void undo(const Held& held, Clock::time_point now) const;
  void extend(std::uint64_t output);
  void give_back(const Amounts& used);
  Amounts counted() const;

  std::shared_ptr<const LimitTable> table_;
  store::KnownCounters& known_;
  HistoryPtr history_;
  Amounts amounts_;
  AskedText asked_;
  std::uint64_t seen_output_ = 0;  // tokens, about
  std::uint64_t plain_bytes_ = 0;  // of an answer that is no stream
  dialect::Api api_;
  std::uint64_t choices_;  // answers that were asked for at once
  std::optional<tokenizer::Counter> counter_;
  store::CounterName scratch_{};
  std::vector<Held> held_{};
  std::unique_ptr<Bill> bill_{};
};

}  // namespace hawser::stage::admit
