#include "stage/admit/holding.hpp"

#include <algorithm>

#include "dialect/delta_text.hpp"

namespace hawser::stage::admit {
namespace {

constexpr std::uint64_t extension = 256;  // tokens

bool counts_tokens(Unit unit) {
  return unit != Unit::requests && unit != Unit::concurrent;
}

}  // namespace

store::Bucket::Verdict Holding::take(const Limit& limit, const store::LimitCounterPtr& counter,
                                     Clock::time_point now) {
  store::Bucket::Verdict verdict;
  if (limit.unit == Unit::concurrent) {
    verdict = {counter->places.take(limit.places), std::chrono::seconds(1)};
  } else if (limit.waits) {
    // Who comes may not pass those who wait.
    verdict = counter->waiting.load(std::memory_order_relaxed) > 0
                  ? store::Bucket::Verdict{false, counter->bucket.until_full(limit.pace, now)}
                  : counter->bucket.take_in_turn(limit.pace, amounts_.of(limit.unit), now);
  } else {
    verdict = counter->bucket.take(limit.pace, amounts_.of(limit.unit), now);
  }
  if (verdict.taken) add(limit, counter);
  return verdict;
}

bool Holding::holds(const Limit& limit) const {
  return std::any_of(held_.begin(), held_.end(),
                     [&](const Held& held) { return held.limit == &limit; });
}

void Holding::undo() {
  for (const Held& held : held_) {
    if (held.limit->unit == Unit::requests) held.counter->bucket.give(held.limit->pace, 1);
  }
  give_back({});
  if (bill_) bill_->undo();
}

/// What streams beyond the estimate is taken in steps, so that a wrong one is seen by others while
/// it happens. A delta is about a token; where the provider will not tell, its text is counted.
void Holding::see(std::string_view bytes, std::uint32_t events) {
  if (events == 0) return;
  if (counter_) {
    scratch_.clear();
    dialect::append_all_deltas(api_, bytes, scratch_);
    counter_->append(scratch_);
    seen_output_ = counter_->total();
  } else {
    seen_output_ += events;
  }
  while (seen_output_ > amounts_.output) extend(extension);
}

void Holding::extend(std::uint64_t output) {
  const auto now = Clock::now();
  amounts_.output += output;
  for (const Held& held : held_) {
    if (held.limit->unit != Unit::output_tokens && held.limit->unit != Unit::tokens) continue;
    held.counter->bucket.charge(held.limit->pace, output, now);
  }
}

void Holding::settle(const dialect::Usage& usage, bool whole) {
  if (usage.known && history_) history_->learn(asked_, usage);
  dialect::Usage used = usage;
  if (!usage.known) {  // our own count
    used.input = static_cast<std::uint32_t>(amounts_.input);
    used.output = static_cast<std::uint32_t>(seen_output_);
  }
  give_back({used.input, used.output});
  if (bill_) bill_->settle(used, !usage.known, whole);
}

void Holding::give_back(const Amounts& used) {
  const auto now = Clock::now();
  for (const Held& held : held_) {
    const Limit& limit = *held.limit;
    if (limit.unit == Unit::concurrent) held.counter->places.give();
    if (!counts_tokens(limit.unit)) continue;
    const std::uint64_t taken = amounts_.of(limit.unit);
    const std::uint64_t spent = used.of(limit.unit);
    if (spent < taken) held.counter->bucket.give(limit.pace, taken - spent);
    if (spent > taken) held.counter->bucket.charge(limit.pace, spent - taken, now);
  }
  held_.clear();
}

}  // namespace hawser::stage::admit
