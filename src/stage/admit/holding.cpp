#include "stage/admit/holding.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "dialect/delta_text.hpp"

namespace hawser::stage::admit {
namespace {

constexpr std::uint64_t extension = 256;  // tokens
constexpr std::uint64_t bytes_a_token = 4;

std::uint32_t saturated(std::uint64_t count) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(count, std::numeric_limits<std::uint32_t>::max()));
}

bool counts_tokens(Unit unit) {
  return unit != Unit::requests && unit != Unit::concurrent;
}

}  // namespace

store::Bucket::Verdict Holding::weigh(const Limit& limit, const store::LimitCounterPtr& counter,
                                      Clock::time_point now) const {
  if (limit.unit == Unit::concurrent) {
    return {counter->places.take(limit.places), std::chrono::seconds(1)};
  }
  if (!limit.waits) return counter->bucket.take(limit.pace, amounts_.of(limit.unit), now);
  // Who comes may not pass those who wait.
  return counter->waiting.load(std::memory_order_relaxed) > 0
             ? store::Bucket::Verdict{false, counter->bucket.until_full(limit.pace, now)}
             : counter->bucket.take_in_turn(limit.pace, amounts_.of(limit.unit), now);
}

store::Bucket::Verdict Holding::take(const Limit& limit, const store::LimitCounterPtr& counter,
                                     Clock::time_point now) {
  const auto verdict = weigh(limit, counter, now);
  if (verdict.taken) add(limit, counter);
  return verdict;
}

bool Holding::holds(const Limit& limit) const {
  return std::any_of(held_.begin(), held_.end(),
                     [&](const Held& held) { return held.limit == &limit; });
}

void Holding::undo(const Held& held, Clock::time_point now) const {
  if (held.limit->unit == Unit::requests) held.counter->bucket.give(held.limit->pace, 1);
  give_back(held, {}, now);
}

void Holding::undo() {
  const auto now = Clock::now();
  for (const Held& held : held_) undo(held, now);
  held_.clear();
  if (bill_) bill_->undo();
}

/// Of the limits that are set for targets. @return false: there is no room, and nothing was taken
bool Holding::take_at(const exchange::Exchange& exchange, const exchange::Target& target,
                      Clock::time_point now, std::vector<Held>& taken) {
  for (const Limit& limit : table_->limits()) {
    if (!limit.by_target || !limit.concerns(exchange)) continue;
    table_->name_counter(limit, exchange, &target, scratch_);
    const auto counter = known_.at(scratch_, now);
    if (!weigh(limit, counter, now).taken) {
      for (const Held& held : taken) undo(held, now);
      taken.clear();
      return false;
    }
    taken.push_back({&limit, counter});
  }
  return true;
}

/// Requests that were made at a target stay counted there; tokens and places go back.
bool Holding::moves_to(const exchange::Exchange& exchange, const exchange::Target& target) {
  const auto now = Clock::now();
  const auto bill_moves = [&] {
    return !bill_ || bill_->moves_to(target, [&](const Budget& budget) {
      table_->name_counter(budget, exchange, &target, scratch_);
      return known_.at(scratch_, now);
    });
  };
  std::vector<Held> taken;
  if (beside_ != 0) {  // the call that began beside the first is the only one left
    taken = std::move(held_beside_);
    under_way_ = std::exchange(beside_, 0);
    bill_moves();
  } else if (exchange.trail.target == &target) {  // a retry: one request more
    if (!bill_moves()) return false;
    for (const Held& held : held_) {
      const bool counts = held.limit->by_target && held.limit->unit == Unit::requests;
      if (counts) held.counter->bucket.charge(held.limit->pace, 1, now);
    }
    return true;
  } else {
    if (!take_at(exchange, target, now, taken)) return false;
    if (!bill_moves()) {
      for (const Held& held : taken) undo(held, now);
      return false;
    }
  }
  std::erase_if(held_, [&](const Held& held) {
    if (held.limit->by_target) give_back(held, {}, now);
    return held.limit->by_target;
  });
  held_.insert(held_.end(), taken.begin(), taken.end());
  return true;
}

void Holding::begins(const exchange::Target& target, std::uint32_t attempt) {
  under_way_ = attempt;
  if (bill_) bill_->begins(target, attempt);
}

bool Holding::begins_beside(const exchange::Exchange& exchange, const exchange::Target& target,
                            std::uint32_t attempt) {
  const auto now = Clock::now();
  if (!take_at(exchange, target, now, held_beside_)) return false;
  const bool fits = !bill_ || bill_->begins_beside(target, attempt, [&](const Budget& budget) {
    table_->name_counter(budget, exchange, &target, scratch_);
    return known_.at(scratch_, now);
  });
  if (!fits) {
    for (const Held& held : held_beside_) undo(held, now);
    held_beside_.clear();
    return false;
  }
  beside_ = attempt;
  return true;
}

/// What a call used, beside what is held for the next one.
void Holding::charge(const Amounts& used, bool by_target, Clock::time_point now) const {
  for (const Held& held : held_) {
    if (!counts_tokens(held.limit->unit) || (held.limit->by_target && !by_target)) continue;
    held.counter->bucket.charge(held.limit->pace, used.of(held.limit->unit), now);
  }
}

void Holding::failed(std::uint32_t attempt, Code code, std::optional<exchange::NotCharged> proof) {
  const auto now = Clock::now();
  const bool second = beside_ != 0 && attempt == beside_;
  if (!proof) charge(amounts_, !second, now);
  if (second) {
    for (const Held& held : held_beside_) give_back(held, proof ? Amounts{} : amounts_, now);
    held_beside_.clear();
    beside_ = 0;
  } else {
    under_way_ = 0;
  }
  if (bill_) bill_->failed(attempt, code, !proof);
}

void Holding::answers(std::uint32_t attempt) {
  under_way_ = attempt;
  answers_ = true;
}

/// What streams beyond the estimate is taken in steps, so that a wrong one is seen by others while
/// it happens. A delta is about a token; where the provider will not tell, its text is counted.
void Holding::see(std::string_view bytes, std::uint32_t events) {
  if (events == 0) {
    plain_bytes_ += bytes.size();
    return;
  }
  if (counter_) {
    scratch_.text.clear();
    dialect::append_all_deltas(answer_.format, bytes, scratch_.text);
    counter_->append(scratch_.text);
    seen_output_ = counter_->about() - std::min(counter_->about(), counted_before_);
  } else {
    seen_output_ += events;
  }
  while (seen_output_ > amounts_.output) extend(extension);
}

void Holding::extend(std::uint64_t output) {
  const auto now = Clock::now();
  amounts_.output += output;
  for (Held& held : held_) {
    if (held.limit->unit != Unit::output_tokens && held.limit->unit != Unit::tokens) continue;
    held.forgiven += held.counter->bucket.charge(held.limit->pace, output, now);
  }
  if (bill_) bill_->extend(output);
}

/// What was seen. Of a plain answer only its length is known; what is no text is as it was
/// expected.
Amounts Holding::counted() const {
  if (answer_.choices == 0) return amounts_;
  Amounts amounts{amounts_.input, seen_output_};
  if (counter_) amounts.output = counter_->total() - std::min(counter_->total(), counted_before_);
  const bool text = dialect::generates(answer_.format);
  if (text && plain_bytes_ > 0) amounts.output += plain_bytes_ / bytes_a_token;
  return amounts;
}

/// The provider's last word counts. Where there is none, at least what it told so far and what was
/// seen; of an answer that was cut, or that goes on, at least what was reserved: what a model
/// thinks before and between its words cannot be seen.
Holding::Spent Holding::spent(const exchange::Told& told) const {
  Spent out{told.usage, false};
  const bool known = told.usage.known && (told.usage.input > 0 || told.usage.output > 0);
  if (known && told.final && !(answer_.background && told.usage.output == 0)) return out;
  Amounts own = counted();
  if (!told.whole || answer_.background) own.output = std::max(own.output, reserved_output_);
  out.counted = true;
  out.usage.known = true;
  if (!known || told.usage.input == 0) out.usage.input = saturated(own.input);
  out.usage.output = std::max(out.usage.output, saturated(own.output));
  return out;
}

/// Learns of it and writes it down.
Holding::Spent Holding::book(const exchange::Told& told) {
  const Spent out = spent(told);
  if (!out.counted && history_) {
    dialect::Usage each = out.usage;
    each.output /=
        static_cast<std::uint32_t>(std::clamp<std::uint64_t>(answer_.choices, 1, 65'535));
    history_->learn(asked_, each);
  }
  if (bill_) bill_->settle(out.usage, out.counted, told.whole);
  return out;
}

void Holding::settle(const exchange::Told& told) {
  const Spent out = book(told);
  under_way_ = 0;
  answers_ = false;
  give_back({out.usage.input, out.usage.output});
}

bool Holding::answers_again(const exchange::Told& broken) {
  const Spent out = book(broken);
  charge({out.usage.input, out.usage.output}, true, Clock::now());
  counted_before_ = counter_ ? counter_->total() : 0;
  seen_output_ = plain_bytes_ = 0;
  if (!bill_ || bill_->begins_again()) return true;
  under_way_ = 0;
  answers_ = false;
  give_back({});
  return false;
}

void Holding::not_answered_again(std::optional<exchange::NotCharged> proof) {
  answers_ = false;
  if (proof && proof->proof() == exchange::NotCharged::Proof::not_connected) {  // there was none
    under_way_ = 0;
    if (bill_) bill_->undo();
  } else {
    failed(under_way_, Code::upstream, proof);
  }
  give_back({});
}

/// Nobody told how it ended.
void Holding::drop() {
  if (beside_ != 0) failed(beside_, Code::cancelled, std::nullopt);
  if (under_way_ != 0 && answers_) settle({});
  if (under_way_ != 0) failed(under_way_, Code::cancelled, std::nullopt);
  give_back({});
}

void Holding::give_back(const Held& held, const Amounts& used, Clock::time_point now) const {
  const Limit& limit = *held.limit;
  if (limit.unit == Unit::concurrent) held.counter->places.give();
  if (!counts_tokens(limit.unit)) return;
  const std::uint64_t all = amounts_.of(limit.unit);
  const std::uint64_t taken = all - std::min(all, held.forgiven);
  const std::uint64_t spent = used.of(limit.unit);
  if (spent < taken) held.counter->bucket.give(limit.pace, taken - spent);
  if (spent > taken) held.counter->bucket.charge(limit.pace, spent - taken, now);
}

void Holding::give_back(const Amounts& used) {
  const auto now = Clock::now();
  for (const Held& held : held_) give_back(held, used, now);
  held_.clear();
}

}  // namespace hawser::stage::admit
