#include "stage/admit/limits.hpp"

#include <algorithm>

#include "stage/admit/rate.hpp"

namespace hawser::stage::admit {

using exchange::Exchange;

namespace {

bool holds(const std::vector<std::string>& patterns, std::string_view name) {
  if (patterns.empty()) return true;
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    if (!pattern.ends_with('*')) return pattern == name;
    return name.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
  });
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
  if (config.unit == Unit::concurrent) return limit;
  limit.pace = *parse_rate(config.rate);
  limit.waits = config.algorithm == Algorithm::leaky_bucket || !config.nodelay;
  limit.wait_max = config.wait_max;
  limit.waiting_max = config.burst > 0 ? config.burst : limit.pace.amount;
  if (config.burst > 0) limit.pace.burst = config.burst;
  return limit;
}

}  // namespace

bool Limit::concerns(const Exchange& exchange) const {
  return holds(tenants, exchange.principal->tenant) && holds(keys, exchange.principal->key) &&
         holds(models, exchange.public_model);
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
      return input + output;
  }
  return 1;
}

LimitTable::LimitTable(const std::vector<RateLimitConfig>& limits, const AdmissionConfig& admission,
                       const config::Map<TenantConfig>& tenants)
    : ipv6_prefix_(admission.ipv6_prefix),
      output_tokens_(admission.output_tokens),
      tenants_(tenants) {
  for (const auto& limit : limits) limits_.push_back(compile(limit, limits_.size()));
  counts_tokens_ = std::any_of(limits_.begin(), limits_.end(), [](const Limit& limit) {
    return limit.unit != Unit::requests && limit.unit != Unit::concurrent;
  });
  for (const auto& text : admission.trusted_proxies) {
    if (const auto prefix = IpPrefix::parse(text)) trusted_.push_back(*prefix);
  }
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

void LimitTable::name_counter(const Limit& limit, const Exchange& exchange,
                              std::string& out) const {
  out = limit.name;
  for (const By by : limit.by) {
    out.push_back('\0');  // no name holds it: no two lists of names look alike
    switch (by) {
      case By::address:
        out += client_of(exchange);
        break;
      case By::key:
        out += exchange.principal->key;
        break;
      case By::user:
        out += exchange.request.facts.user;
        break;
      case By::team:
        out += exchange.principal->team;
        break;
      case By::tenant:
        out += exchange.principal->tenant;
        break;
      case By::model:
        out += exchange.public_model;
        break;
      case By::target:
        if (!exchange.candidates.empty()) out += exchange.candidates.front().name;
        break;
    }
  }
}

}  // namespace hawser::stage::admit
