#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dialect/answer_format.hpp"
#include "stage/admit/bill.hpp"
#include "stage/admit/estimate.hpp"
#include "stage/admit/limits.hpp"
#include "store/limit_counters.hpp"
#include "tokenizer/counter.hpp"

namespace hawser::stage::admit {

/// What a request says of its answer, as far as it matters for what it is charged.
struct AnswerTraits {
  dialect::AnswerFormat format = dialect::AnswerFormat::other;
  std::uint64_t choices = 0;  // answers that are asked for at once; 0: they are no text
  bool background = false;    // it goes on at the provider when this answer has ended
};

/// What one exchange holds of its limits. Tokens and places go back with it, less what was used;
/// requests were made and stay counted. Once a call began, only its end gives anything back.
class Holding final : public exchange::Reservation {
 public:
  /// @param history  null: no limit counts tokens
  /// @param known    the worker's counters; it outlives the holding
  /// @param counter  counts the text of a stream
  Holding(std::shared_ptr<const LimitTable> table, store::KnownCounters& known, HistoryPtr history,
          const Amounts& amounts, const AskedText& asked, const AnswerTraits& answer,
          std::optional<tokenizer::Counter> counter)
      : table_(std::move(table)),
        known_(known),
        history_(std::move(history)),
        amounts_(amounts),
        reserved_output_(amounts.output),
        asked_(asked),
        answer_(answer),
        counter_(std::move(counter)) {
    held_.reserve(table_->limits().size());
  }
  ~Holding() override { drop(); }

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
  /// All was taken at this one, which lives as long as the configuration.
  void taken_at(const exchange::Target* target) { taken_at_ = target; }
  const exchange::Target* taken_at() const override { return taken_at_; }

  void see(std::string_view bytes, std::uint32_t events) override;
  bool moves_to(const exchange::Exchange& exchange, const exchange::Target& target) override;
  void begins(const exchange::Target& target, std::uint32_t attempt) override;
  bool begins_beside(const exchange::Exchange& exchange, const exchange::Target& target,
                     std::uint32_t attempt) override;
  void failed(std::uint32_t attempt, Code code, std::optional<exchange::NotCharged> proof) override;
  void answers(std::uint32_t attempt) override;
  bool answers_again(const exchange::Told& broken) override;
  void not_answered_again(std::optional<exchange::NotCharged> proof) override;
  void settle(const exchange::Told& told) override;

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
  bool take_at(const exchange::Exchange& exchange, const exchange::Target& target,
               Clock::time_point now, std::vector<Held>& taken);
  void charge(const Amounts& used, bool by_target, Clock::time_point now) const;
  void drop();
  void extend(std::uint64_t output);
  void give_back(const Amounts& used);
  Amounts counted() const;
  /// What is charged for an answer.
  struct Spent {
    dialect::Usage usage{};
    bool counted = false;  // by us
  };
  Spent spent(const exchange::Told& told) const;
  Spent book(const exchange::Told& told);

  std::shared_ptr<const LimitTable> table_;
  store::KnownCounters& known_;
  HistoryPtr history_;
  Amounts amounts_;
  std::uint64_t reserved_output_;  // of amounts_, before anything was seen
  AskedText asked_;
  std::uint64_t seen_output_ = 0;  // tokens, about
  std::uint64_t plain_bytes_ = 0;  // of an answer that is no stream
  AnswerTraits answer_;
  std::optional<tokenizer::Counter> counter_;
  std::uint64_t counted_before_ = 0;  // by the counter, of answers that broke
  store::CounterName scratch_{};
  std::vector<Held> held_{};
  const exchange::Target* taken_at_ = nullptr;
  std::uint32_t under_way_ = 0;  // the call; 0: none
  bool answers_ = false;         // it does
  std::uint32_t beside_ = 0;     // the second call; 0: none
  std::vector<Held> held_beside_{};
  std::unique_ptr<Bill> bill_{};
};

}  // namespace hawser::stage::admit
