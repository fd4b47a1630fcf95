#include "stage/observe/observe.hpp"

namespace hawser::stage::observe {

using exchange::Exchange;

namespace {

double seconds(Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}
std::int64_t micros(Clock::duration time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

/// What we added: the way to the first content, less what we waited for providers.
std::optional<Clock::duration> overhead(const Exchange& exchange) {
  if (exchange.trail.attempts == 0 || !exchange.trail.first_content) return std::nullopt;
  return *exchange.trail.first_content - exchange.arrived - exchange.trail.upstream;
}

}  // namespace

Task<exchange::Answer> Observe::run(Exchange& exchange, exchange::Next next) {
  shard_.add(metrics_.in_flight);
  return next(exchange);
}

void Observe::over(const Exchange& exchange) {
  const auto now = Clock::now();
  count(exchange, now);
  count_model(exchange, now);
  log(exchange, now);
}

void Observe::count(const Exchange& exchange, Clock::time_point now) {
  shard_.add(metrics_.in_flight, -1);
  shard_.add(metrics_.requests(exchange.trail.status));
  shard_.observe(metrics_.request_duration, seconds(now - exchange.arrived));
  if (exchange.trail.error) {
    shard_.add(metrics_.errors[static_cast<std::size_t>(*exchange.trail.error)]);
  }
  const auto& residency = exchange.residency;
  const auto refusal = exchange.residency_refuses && residency.rule != nullptr
                           ? refusals_.find(*residency.rule)
                           : refusals_.end();
  if (refusal != refusals_.end()) shard_.add(refusal->second);
  if (const auto own = overhead(exchange)) shard_.observe(metrics_.overhead, seconds(*own));
}

void Observe::count_model(const Exchange& exchange, Clock::time_point now) {
  if (exchange.trail.target == nullptr) return;
  const std::pair<std::string_view, std::string_view> key(exchange.public_model,
                                                          exchange.trail.target->provider_name);
  const auto found = models_.find(key);
  if (found == models_.end()) return;
  const telemetry::ModelMetrics& series = found->second;
  shard_.add(series.attempts, exchange.trail.attempts);
  shard_.observe(series.duration, seconds(now - exchange.arrived));
  if (exchange.trail.usage.get().known) {
    shard_.observe(series.input_tokens, static_cast<double>(exchange.trail.usage.get().input));
    shard_.observe(series.output_tokens, static_cast<double>(exchange.trail.usage.get().output));
  }
  if (exchange.request.facts.stream && exchange.trail.first_content) {
    shard_.observe(series.first_token, seconds(*exchange.trail.first_content - exchange.arrived));
  }
}

void Observe::log(const Exchange& exchange, Clock::time_point now) {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  telemetry::AccessRecord record;
  record.time_us = std::chrono::duration_cast<std::chrono::microseconds>(wall).count();
  record.request_id = exchange.id;
  record.client = exchange.request.client_address;
  record.method = exchange.method;
  record.path = exchange.path;
  record.status = exchange.trail.status;
  if (exchange.trail.error) record.error = name_of(*exchange.trail.error);
  record.model = exchange.public_model;
  if (exchange.trail.target != nullptr) record.target = exchange.trail.target->name;
  record.tenant = exchange.principal->tenant;
  record.key = exchange.principal->key;
  record.attempts = exchange.trail.attempts;
  record.stream = exchange.request.facts.stream;
  if (exchange.trail.usage.get().known) {
    record.input_tokens = static_cast<std::int64_t>(exchange.trail.usage.get().input);
    record.output_tokens = static_cast<std::int64_t>(exchange.trail.usage.get().output);
  }
  record.bytes_in = exchange.trail.bytes_in;
  record.bytes_out = exchange.trail.bytes_out;
  record.duration_us = micros(now - exchange.arrived);
  if (exchange.trail.first_content) {
    record.first_content_us = micros(*exchange.trail.first_content - exchange.arrived);
  }
  if (const auto own = overhead(exchange)) record.overhead_us = micros(*own);
  log_.write(record);
}

}  // namespace hawser::stage::observe
