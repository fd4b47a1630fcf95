#include "stage/admit/limits.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <limits>

#include "base/hex.hpp"
#include "base/json.hpp"
#include "base/name_pattern.hpp"
#include "base/sha256.hpp"
#include "exchange/model_asked.hpp"
#include "stage/admit/rate.hpp"
#include "stage/admit/user_name.hpp"

namespace hawser::stage::admit {

using exchange::Exchange;

bool holds(const std::vector<std::string>& patterns, std::string_view name) {
  if (patterns.empty()) return true;
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return covers(pattern, name); });
}

namespace {

bool has(const std::vector<By>& list, By one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

Limit compile(const RateLimitConfig& config, std::size_t index) {
  Limit limit;
  limit.name = config.name;
  limit.by = config.by;
  limit.unit = config.unit;
  limit.places = config.max;
  limit.tenants = config.tenants;
  limit.keys = config.keys;
  limit.models = config.models;
  limit.index = index;
  limit.by_target = has(config.by, By::target);
  if (config.unit == Unit::concurrent) return limit;
  limit.pace = *parse_rate(config.rate);
  limit.waits = config.algorithm == Algorithm::leaky_bucket || !config.nodelay;
  limit.wait_max = config.wait_max;
  limit.waiting_max = config.burst > 0 ? config.burst : limit.pace.amount;
  if (config.burst > 0) limit.pace.burst = config.burst;
  limit.pace.burst_time = limit.pace.time_of(limit.pace.burst);
  return limit;
}

std::string_view view_of(const std::array<unsigned char, 32>& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

/// As the ledger has it, so that a start finds the same counters again.
std::string user_of(const Exchange& exchange) {
  return user_name(exchange.request.facts.user);
}

LimitTable::Who who_of(const Exchange& exchange, const exchange::Target* target) {
  LimitTable::Who who;
  who.key = exchange.principal->key;
  who.team = exchange.principal->team;
  who.tenant = exchange.principal->tenant;
  who.model = exchange.public_model;
  if (target != nullptr) who.target = target->name;
  return who;
}

}  // namespace

namespace {

/// By the name that the client wrote and by the configuration's: behind a pattern, or a provider
/// that takes what is not listed, these are two. What does not tell its model may ask for any, and
/// a name counts as each that it may be read as.
bool names_one_of(const std::vector<std::string>& models, const Exchange& exchange) {
  if (models.empty() || holds(models, exchange.public_model)) return true;
  if (const auto asked = exchange::model_asked(exchange)) {
    return std::any_of(models.begin(), models.end(),
                       [&asked](const std::string& pattern) { return may_cover(pattern, *asked); });
  }
  const auto& endpoint = exchange.request.endpoint;
  return dialect::pricing_of(endpoint.operation(), exchange.method) != dialect::Pricing::none;
}

}  // namespace

bool Limit::concerns(const Exchange& exchange) const {
  return holds(tenants, exchange.principal->tenant) && holds(keys, exchange.principal->key) &&
         names_one_of(models, exchange);
}

std::uint64_t Amounts::of(Unit unit) const {
  switch (unit) {
    case Unit::requests:
    case Unit::concurrent:
      return 1;
    case Unit::input_tokens:
      return input;
    case Unit::output_tokens:
      return output;
    case Unit::tokens:
      return input > std::numeric_limits<std::uint64_t>::max() - output
                 ? std::numeric_limits<std::uint64_t>::max()
                 : input + output;
  }
  return 1;
}

LimitTable::LimitTable(const Given& given)
    : bills_(given.ledger || !given.budgets.empty()),
      prices_(given.prices),
      ipv6_prefix_(given.admission.ipv6_prefix),
      defaults_{given.admission.input_tokens, given.admission.output_tokens,
                given.admission.audio_bytes_a_second, given.admission.background_responses},
      waiting_max_(given.admission.waiting_max),
      tenants_(given.tenants) {
  for (const auto& limit : given.limits) limits_.push_back(compile(limit, limits_.size()));
  for (const auto& budget : given.budgets) {
    budgets_.push_back({budget.name, budget.by, budget.period,
                        budget.hard.empty() ? 0 : *price::parse_usd(budget.hard),
                        budget.soft.empty() ? 0 : *price::parse_usd(budget.soft), budget.tenants,
                        has(budget.by, By::target),
                        !budget.hard.empty() && budget.reserve == Reserve::most});
    bills_addresses_ = bills_addresses_ || has(budget.by, By::address);
  }
  counts_tokens_ = bills_ || std::any_of(limits_.begin(), limits_.end(), [](const Limit& limit) {
                     return limit.unit != Unit::requests && limit.unit != Unit::concurrent;
                   });
  for (const auto& text : given.admission.trusted_proxies) {
    if (const auto prefix = IpPrefix::parse(text)) trusted_.push_back(*prefix);
  }
}

bool LimitTable::binds_output(const exchange::Exchange& exchange) const {
  if (hard_budget(exchange.principal->tenant) != nullptr) return true;
  return std::any_of(limits_.begin(), limits_.end(), [&](const Limit& limit) {
    const bool output = limit.unit == Unit::output_tokens || limit.unit == Unit::tokens;
    return output && limit.concerns(exchange);
  });
}

const Budget* LimitTable::hard_budget(std::string_view tenant) const {
  const auto found = std::find_if(budgets_.begin(), budgets_.end(), [&](const Budget& budget) {
    return budget.hard > 0 && holds(budget.tenants, tenant);
  });
  return found == budgets_.end() ? nullptr : &*found;
}

bool LimitTable::reserves_most(std::string_view tenant) const {
  return std::any_of(budgets_.begin(), budgets_.end(), [&](const Budget& budget) {
    return budget.reserves_most && holds(budget.tenants, tenant);
  });
}

LimitTable::Share LimitTable::share_of(std::string_view tenant) const {
  const auto* found = config::find(tenants_, tenant);
  return found == nullptr ? Share{} : Share{found->weight, found->priority};
}

std::string LimitTable::client_of(const Exchange& exchange) const {
  const auto peer = IpAddress::parse(exchange.request.client_address);
  if (!peer) return std::string(exchange.request.client_address);
  std::string forwarded;
  if (!trusted_.empty()) {
    for (const auto& field : exchange.request.head->fields) {
      if (!wire::same_token(field.name, "x-forwarded-for")) continue;
      if (!forwarded.empty()) forwarded += ',';
      forwarded += field.value;
    }
  }
  return client_name(client_behind(*peer, forwarded, trusted_), ipv6_prefix_);
}

void LimitTable::name_counter(std::string_view limit, const std::vector<By>& by, const Who& who,
                              store::CounterName& out) {
  out.text = limit;
  out.overflow.clear();
  bool outside = false;
  for (const By one : by) {
    out.text.push_back('\0');  // no name holds it: no two lists of names look alike
    switch (one) {
      case By::address:
        outside = true;
        out.text += who.address;
        break;
      case By::key:
        out.text += who.key;
        break;
      case By::user:
        outside = true;
        // A tenant's users are its own, whatever another one's are called.
        if (!who.user.empty()) {
          out.text.append(to_hex(view_of(sha256(who.user)))).push_back('\0');
          out.text += who.tenant;
        }
        break;
      case By::team:
        // A tenant's teams are its own, too.
        out.text.append(who.team).push_back('\0');
        out.text += who.tenant;
        break;
      case By::tenant:
        out.text += who.tenant;
        break;
      case By::model:
        out.text += who.model;
        break;
      case By::target:
        out.text += who.target;
        break;
    }
  }
  if (!outside) return;
  out.overflow.append(limit).append("\0others\0", 8).append(who.key);
}

void LimitTable::name_counter(const Limit& limit, const Exchange& exchange,
                              const exchange::Target* target, store::CounterName& out) const {
  const std::string address = has(limit.by, By::address) ? client_of(exchange) : std::string();
  const std::string user = has(limit.by, By::user) ? user_of(exchange) : std::string();
  Who who = who_of(exchange, target);
  who.address = address;
  who.user = user;
  name_counter(limit.name, limit.by, who, out);
}

void LimitTable::name_counter(const Budget& budget, const Who& who, store::CounterName& out) {
  name_counter(budget.name, budget.by, who, out);
  out.text.insert(0, "budget ");  // no limit's name holds a blank
  if (!out.overflow.empty()) out.overflow.insert(0, "budget ");
}

std::string LimitTable::billed_address(const Exchange& exchange) const {
  return bills_addresses_ ? client_of(exchange) : std::string();
}

void LimitTable::name_counter(const Budget& budget, const Exchange& exchange,
                              const exchange::Target* target, store::CounterName& out) const {
  Who who = who_of(exchange, target);
  const std::string address = has(budget.by, By::address) ? client_of(exchange) : std::string();
  who.address = address;
  const std::string user = has(budget.by, By::user) ? user_of(exchange) : std::string();
  who.user = user;
  name_counter(budget, who, out);
}

}  // namespace hawser::stage::admit
