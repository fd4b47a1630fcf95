#include "stage/admit/bill.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/json.hpp"
#include "stage/admit/user_name.hpp"

namespace hawser::stage::admit {
namespace {

constexpr std::size_t model_max = 300;  // bytes of a client's name for it that are kept

std::int64_t now_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

/// A soft budget refuses nobody: it is full when nothing more can be counted.
price::NanoUsd most_of(const Budget& budget) {
  return budget.hard > 0 ? budget.hard : store::Spend::largest;
}

}  // namespace

Bill::Bill(const exchange::Exchange& exchange, std::string address,
           std::shared_ptr<const price::PriceTable> prices, store::Ledger* ledger,
           Forecast expected)
    : prices_(std::move(prices)),
      ledger_(ledger),
      notes_(exchange.notes),
      expected_(std::move(expected)) {
  names_.operation = exchange.request.endpoint.traits().name;
  names_.upstream_model = exchange.request.facts.model.substr(0, model_max);
  if (ledger == nullptr) return;
  names_.address = std::move(address);
  names_.request_id = exchange.id;
  names_.tenant = exchange.principal->tenant;
  names_.team = exchange.principal->team;
  names_.key = exchange.principal->key;
  names_.model = exchange.public_model;
  names_.user = user_name(exchange.request.facts.user);
}

/// The price of the operation goes before that of the model.
price::Quote Bill::quote_of(const exchange::Target& target) const {
  if (const auto quote = prices_->find_operation(names_.operation)) return quote;
  std::string_view model = target.model.empty() ? names_.upstream_model : target.model;
  if (model.empty()) model = expected_.default_model;
  return prices_->find(target.provider_name, model, begun_);
}

bool Bill::priced_at(const exchange::Target& target) const {
  if (!buys()) return true;
  const price::Quote quote = quote_of(target);
  return quote.covers(expected_.measured ? expected_.purchase : price::Purchase::unknown);
}

/// A text may turn out to be written to a cache, thought, heard or spoken: the dearest of these.
price::NanoUsd Bill::expected_at(const exchange::Target& target) const {
  const price::Quote quote = quote_of(target);
  dialect::Usage usage = expected_.usage();
  constexpr std::uint64_t largest = std::numeric_limits<std::uint32_t>::max();
  usage.output =
      std::max(usage.output, static_cast<std::uint32_t>(std::min(expected_.output_most, largest)));
  const price::NanoUsd plain = charge(quote, usage, expected_.media);
  if (expected_.purchase != price::Purchase::text) return plain;
  dialect::Usage heard = usage, seen = usage;
  heard.audio_input = usage.input;
  heard.audio_output = usage.output;
  seen.image_input = usage.input;
  seen.image_output = usage.output;
  usage.cache_write = usage.cache_write_long = usage.input;
  usage.reasoning = usage.output;
  return std::max(
      {plain, charge(quote, heard, {}), charge(quote, seen, {}), charge(quote, usage, {})});
}

/// What is bought for nothing costs nothing, whatever its model does.
price::NanoUsd Bill::charge(const price::Quote& quote, const dialect::Usage& usage,
                            const price::MediaUsage& media) const {
  const bool free = !buys() && !prices_->find_operation(names_.operation);
  return free ? 0 : quote.cost(usage, media, expected_.picture);
}

bool Bill::binds() const {
  return std::any_of(held_.begin(), held_.end(),
                     [](const Held& held) { return held.budget->hard > 0; });
}

bool Bill::take(const Budget& budget, const store::LimitCounterPtr& counter, const Window& window,
                price::NanoUsd amount) {
  const bool taken = counter->spend.take(window.number, amount, most_of(budget), window.end);
  if (!taken && budget.hard > 0) return false;
  held_.push_back({&budget, counter, window.number, window.end, taken ? amount : 0});
  return true;
}

bool Bill::moves_to(const exchange::Target& target, const CounterAt& counter_at) {
  if (beside_) {  // it was taken when that call began
    spend(held_, 0);
    held_ = std::move(beside_->held);
    call_ = std::move(*beside_);
    beside_.reset();
    return true;
  }
  if (binds() && !priced_at(target)) return false;
  const price::NanoUsd amount = expected_at(target);
  std::vector<Held> moved;
  const auto undo = [&] {
    for (std::size_t i = 0; i < moved.size(); ++i) {
      const bool same = moved[i].counter == held_[i].counter;
      const price::NanoUsd taken = same ? moved[i].amount - held_[i].amount : moved[i].amount;
      if (taken > 0) moved[i].counter->spend.adjust(moved[i].window, -taken);
    }
    return false;
  };
  for (const Held& held : held_) {
    Held there{held.budget, held.counter, held.window, held.end, amount};
    if (held.budget->by_target) there.counter = counter_at(*held.budget);
    const price::NanoUsd more = there.counter == held.counter ? amount - held.amount : amount;
    const bool full =
        more > 0 && !there.counter->spend.take(held.window, more, most_of(*held.budget), held.end);
    if (full && held.budget->hard > 0) return undo();
    if (full) there.amount -= more;
    moved.push_back(std::move(there));
  }
  for (std::size_t i = 0; i < held_.size(); ++i) {
    const Held& held = held_[i];
    const bool same = moved[i].counter == held.counter;
    const price::NanoUsd less =
        same ? std::min<price::NanoUsd>(moved[i].amount - held.amount, 0) : -held.amount;
    held.counter->spend.adjust(held.window, less);
  }
  held_ = std::move(moved);
  return true;
}

void Bill::extend(std::uint64_t output) {
  const price::NanoUsd before = charge(call_.quote, expected_.usage(), expected_.media);
  expected_.tokens.output += output;
  const price::NanoUsd more =
      std::max<price::NanoUsd>(charge(call_.quote, expected_.usage(), expected_.media) - before, 0);
  for (Held& held : held_) {
    held.counter->spend.adjust(held.window, more);
    held.amount = price::saturating_add(held.amount, more);
  }
}

bool Bill::take(std::vector<Held>& held, price::NanoUsd amount) {
  for (std::size_t i = 0; i < held.size(); ++i) {
    Held& one = held[i];
    const bool taken = one.counter->spend.take(one.window, amount, most_of(*one.budget), one.end);
    one.amount = taken ? amount : 0;
    if (taken || one.budget->hard == 0) continue;
    while (i-- > 0)
      held[i].counter->spend.adjust(held[i].window, -std::exchange(held[i].amount, 0));
    return false;
  }
  return true;
}

/// What was held has become what was spent.
void Bill::spend(std::vector<Held>& held, price::NanoUsd spent) {
  for (Held& one : held) {
    one.counter->spend.adjust(one.window, spent - one.amount);
    one.amount = 0;
  }
}

void Bill::give_back(price::NanoUsd spent) {
  spend(held_, spent);
  held_.clear();
}

Bill::Call Bill::call_of(const exchange::Target& target, std::uint32_t attempt) const {
  Call call;
  call.attempt = attempt;
  call.quote = quote_of(target);
  call.expected = expected_at(target);
  call.target = target.name;
  call.provider = target.provider_name;
  call.model = target.model;
  return call;
}

bool Bill::begins_beside(const exchange::Target& target, std::uint32_t attempt,
                         const CounterAt& counter_at) {
  if (binds() && !priced_at(target)) return false;
  Call call = call_of(target, attempt);
  for (const Held& held : held_) {
    call.held.push_back({held.budget, held.counter, held.window, held.end, 0});
    if (held.budget->by_target) call.held.back().counter = counter_at(*held.budget);
  }
  if (!take(call.held, call.expected)) return false;
  beside_ = std::move(call);
  return true;
}

bool Bill::begins_again() {
  if (!take(held_, call_.expected)) return false;
  ++call_.attempt;
  return true;
}

store::LedgerRow Bill::row_of(const Call& call) const {
  store::LedgerRow row = names_;
  row.time_us = now_us();
  row.attempt = call.attempt;
  row.target = call.target;
  row.provider = call.provider;
  if (!call.model.empty()) row.upstream_model = call.model;
  row.source = "none";
  return row;
}

void Bill::failed(std::uint32_t attempt, Code code, bool charged) {
  const bool second = beside_ && beside_->attempt == attempt;
  Call& call = second ? *beside_ : call_;
  std::vector<Held>& held = second ? call.held : held_;
  if (charged) {
    spend(held, write(call, expected_.usage(), true, name_of(code)));
  } else {
    if (second) spend(held, 0);
    if (ledger_ != nullptr) {
      store::LedgerRow row = row_of(call);
      row.outcome = name_of(code);
      ledger_->append(std::move(row));
    }
  }
  if (second) beside_.reset();
}

void Bill::settle(const dialect::Usage& usage, bool counted, bool whole) {
  spend(held_, write(call_, usage, counted, whole ? "done" : "aborted"));
}

/// What providers do not tell is as it was expected.
price::MediaUsage Bill::media_of(const dialect::Usage& usage) const {
  price::MediaUsage media = expected_.media;
  if (usage.audio_ms > 0) media.audio_ms = usage.audio_ms;
  if (expected_.purchase != price::Purchase::searches) {
    media.web_searches = usage.searches;
  } else if (usage.searches > 0) {
    media.searches = usage.searches;
  }
  return media;
}

/// @return the cost
price::NanoUsd Bill::write(const Call& call, const dialect::Usage& told, bool counted,
                           std::string_view outcome) {
  const dialect::Usage usage = expected_.completed(told);
  const price::MediaUsage media = media_of(usage);
  const price::NanoUsd cost = charge(call.quote, usage, media);
  if (notes_ && call.quote) {
    notes_->cost = price::saturating_add(notes_->cost, cost);
    notes_->priced = true;
  }
  if (ledger_ == nullptr) return cost;
  store::LedgerRow row = row_of(call);
  row.input = usage.input;
  row.cached = usage.cached;
  row.cache_write = usage.cache_write;
  row.output = usage.output;
  row.reasoning = usage.reasoning;
  row.cache_write_long = usage.cache_write_long;
  row.audio_input = usage.audio_input;
  row.audio_output = usage.audio_output;
  row.image_input = usage.image_input;
  row.image_output = usage.image_output;
  row.service_tier = dialect::name_of(usage.tier);
  row.images = media.images;
  row.audio_ms = media.audio_ms;
  row.characters = media.characters;
  row.searches = usage.searches > 0 ? usage.searches : media.searches;
  row.source = counted ? "estimated" : "provider";
  row.cost = cost;
  if (call.quote) row.price_version = prices_->version();
  row.outcome = outcome;
  ledger_->append(std::move(row));
  return cost;
}

}  // namespace hawser::stage::admit
