#include "stage/admit/bill.hpp"

#include <algorithm>
#include <limits>

#include "base/json.hpp"

namespace hawser::stage::admit {
namespace {

std::int64_t now_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

price::NanoUsd most_of(const Budget& budget) {
  return budget.hard > 0 ? budget.hard : std::numeric_limits<std::int64_t>::max() / 2;
}

}  // namespace

Bill::Bill(const exchange::Exchange& exchange, std::string address,
           std::shared_ptr<const price::PriceTable> prices, store::Ledger* ledger)
    : prices_(std::move(prices)), ledger_(ledger), notes_(exchange.notes) {
  if (ledger == nullptr) return;
  names_.address = std::move(address);
  names_.request_id = exchange.id;
  names_.tenant = exchange.principal->tenant;
  names_.team = exchange.principal->team;
  names_.key = exchange.principal->key;
  names_.model = exchange.public_model;
  if (!exchange.request.facts.user.empty()) {
    decode_json_string(exchange.request.facts.user.substr(0, 200), names_.user);
  }
  names_.upstream_model = exchange.request.facts.model;
}

const price::Price* Bill::price_of(const exchange::Target& target) const {
  return prices_->find(target.model.empty() ? names_.upstream_model : target.model);
}

price::NanoUsd Bill::cost(const exchange::Target& target, const dialect::Usage& usage) const {
  const auto* price = price_of(target);
  return price == nullptr ? 0 : price->cost(usage);
}

bool Bill::take(const Budget& budget, const store::LimitCounterPtr& counter, const Window& window,
                price::NanoUsd amount) {
  if (!counter->spend.take(window.number, amount, most_of(budget), window.end)) return false;
  held_.push_back({&budget, counter, window.number, window.end, amount});
  return true;
}

bool Bill::moves_to(const exchange::Target& target, const dialect::Usage& usage,
                    const CounterAt& counter_at) {
  const price::NanoUsd amount = cost(target, usage);
  std::vector<Held> moved;
  for (const Held& held : held_) {
    Held there{held.budget, held.counter, held.window, held.end, amount};
    if (held.budget->by_target) there.counter = counter_at(*held.budget);
    const price::NanoUsd more = there.counter == held.counter ? amount - held.amount : amount;
    if (more > 0 &&
        !there.counter->spend.take(held.window, more, most_of(*held.budget), held.end)) {
      for (std::size_t i = 0; i < moved.size(); ++i) {
        const bool same = moved[i].counter == held_[i].counter;
        const price::NanoUsd taken = same ? amount - held_[i].amount : amount;
        if (taken > 0) moved[i].counter->spend.adjust(moved[i].window, -taken);
      }
      return false;
    }
    moved.push_back(std::move(there));
  }
  for (std::size_t i = 0; i < held_.size(); ++i) {
    const Held& held = held_[i];
    const bool same = moved[i].counter == held.counter;
    const price::NanoUsd less =
        same ? std::min<price::NanoUsd>(amount - held.amount, 0) : -held.amount;
    held.counter->spend.adjust(held.window, less);
  }
  held_ = std::move(moved);
  return true;
}

void Bill::extend(std::uint64_t output) {
  if (price_ == nullptr) return;
  dialect::Usage usage;
  usage.output = static_cast<std::uint32_t>(output);
  const price::NanoUsd amount = price_->cost(usage);
  for (Held& held : held_) {
    held.counter->spend.adjust(held.window, amount);
    held.amount += amount;
  }
}

void Bill::give_back(price::NanoUsd spent) {
  for (const Held& held : held_) held.counter->spend.adjust(held.window, spent - held.amount);
  held_.clear();
}

void Bill::name_target(const exchange::Target& target, store::LedgerRow& row) const {
  row.target = target.name;
  row.provider = target.provider_name;
  if (!target.model.empty()) row.upstream_model = target.model;
}

store::LedgerRow Bill::row_of(std::uint32_t attempt) const {
  store::LedgerRow row = names_;
  row.time_us = now_us();
  row.attempt = attempt;
  row.source = "none";
  return row;
}

void Bill::failed(const exchange::Target& target, std::uint32_t attempt, Code code) {
  if (ledger_ == nullptr) return;
  store::LedgerRow row = row_of(attempt);
  name_target(target, row);
  row.outcome = name_of(code);
  ledger_->append(std::move(row));
}

void Bill::answers(const exchange::Target& target, std::uint32_t attempt) {
  price_ = price_of(target);
  name_target(target, names_);
  names_.attempt = attempt;
}

void Bill::settle(const dialect::Usage& usage, bool counted, bool whole) {
  const price::NanoUsd cost = price_ == nullptr ? 0 : price_->cost(usage);
  give_back(cost);
  if (notes_ && price_ != nullptr) {
    notes_->cost += cost;
    notes_->priced = true;
  }
  if (ledger_ == nullptr) return;
  store::LedgerRow row = row_of(names_.attempt);
  row.input = usage.input;
  row.cached = usage.cached;
  row.cache_write = usage.cache_write;
  row.output = usage.output;
  row.reasoning = usage.reasoning;
  row.source = counted ? "estimated" : "provider";
  row.cost = cost;
  if (price_ != nullptr) row.price_version = prices_->version();
  row.outcome = whole ? "done" : "aborted";
  ledger_->append(std::move(row));
}

}  // namespace hawser::stage::admit
