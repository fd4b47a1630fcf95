#include "stage/admit/holding.hpp"

#include <algorithm>
#include <limits>

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

/// Requests that were made at a target stay counted there; tokens and places go back.
bool Holding::moves_to(const exchange::Exchange& exchange, const exchange::Target& target) {
  const auto now = Clock::now();
  if (exchange.trail.target == &target) {  // a retry: one request more
    for (const Held& held : held_) {
      const bool counts = held.limit->by_target && held.limit->unit == Unit::requests;
      if (counts) held.counter->bucket.charge(held.limit->pace, 1, now);
    }
    return true;
  }
  std::vector<Held> taken;
  const auto refuse = [&] {
    for (const Held& held : taken) undo(held, now);
    return false;
  };
  for (const Limit& limit : table_->limits()) {
    if (!limit.by_target || !limit.concerns(exchange)) continue;
    table_->name_counter(limit, exchange, &target, scratch_);
    const auto counter = known_.at(scratch_, now);
    if (!weigh(limit, counter, now).taken) return refuse();
    taken.push_back({&limit, counter});
  }
  if (bill_) {
    const bool fits = bill_->moves_to(target, [&](const Budget& budget) {
      table_->name_counter(budget, exchange, &target, scratch_);
      return known_.at(scratch_, now);
    });
    if (!fits) return refuse();
  }
  std::erase_if(held_, [&](const Held& held) {
    if (held.limit->by_target) give_back(held, {}, now);
    return held.limit->by_target;
  });
  held_.insert(held_.end(), taken.begin(), taken.end());
  return true;
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
    dialect::append_all_deltas(api_, bytes, scratch_.text);
    counter_->append(scratch_.text);
    seen_output_ = counter_->about();
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

/// What the provider did not tell. Of a plain answer only its length is known; what is no text is
/// as it was expected.
Amounts Holding::counted() const {
  if (choices_ == 0) return amounts_;
  Amounts amounts{amounts_.input, counter_ ? counter_->total() : seen_output_};
  const bool text = api_ == dialect::Api::chat || api_ == dialect::Api::completions ||
                    api_ == dialect::Api::responses || api_ == dialect::Api::messages;
  if (text && plain_bytes_ > 0) amounts.output += plain_bytes_ / bytes_a_token;
  return amounts;
}

void Holding::settle(const dialect::Usage& usage, bool whole) {
  const bool told = usage.known && (usage.input > 0 || usage.output > 0);
  dialect::Usage used = usage;
  if (told && history_) {
    used.output /= static_cast<std::uint32_t>(std::clamp<std::uint64_t>(choices_, 1, 65'535));
    history_->learn(asked_, used);
    used.output = usage.output;
  }
  if (!told) {
    const Amounts own = counted();
    used.input = saturated(own.input);
    used.output = saturated(own.output);
  }
  give_back({used.input, used.output});
  if (bill_) bill_->settle(used, !usage.known, whole);
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
