#include "telemetry/standard_metrics.hpp"

namespace hawser::telemetry {
namespace {

constexpr std::array duration_bounds{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,  1.0,
                                     2.5,   5.0,  10.0,  30.,  60., 120., 300., 600.};
constexpr std::array overhead_bounds{5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4,
                                     1e-3, 2e-3, 5e-3, 1e-2, 5e-2, 1e-1};
// OpenTelemetry's advice for gen_ai.server.request.duration and time_to_first_token.
constexpr std::array gen_ai_bounds{0.01, 0.02, 0.04, 0.08,  0.16,  0.32,  0.64,
                                   1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92};
constexpr std::array first_token_bounds{0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,
                                        0.25,  0.5,   0.75, 1.0,  2.5,  5.0,  7.5,  10.0};

// OpenTelemetry's advice for gen_ai.client.token.usage.
constexpr std::array token_bounds{1.,     4.,     16.,     64.,      256.,     1024.,    4096.,
                                  16384., 65536., 262144., 1048576., 4194304., 16777216.};

}  // namespace

StandardMetrics::StandardMetrics(Registry& registry) {
  constexpr auto requests_help = "Exchanges by the HTTP status told to the client; 0: none was.";
  for (std::size_t status = 0; status < requests_.size(); ++status) {
    if (status > 0 && status < 100) continue;
    requests_[status] =
        registry.counter("requests_total", requests_help, {{"status", std::to_string(status)}});
  }
  for (std::size_t i = 0; i < codes_count; ++i) {
    errors[i] = registry.counter("api_errors", "Failed exchanges by type (docs/errors.md).",
                                 {{"type", std::string(name_of(static_cast<Code>(i)))}});
  }
  request_duration = registry.histogram(
      "http_request_duration_seconds",
      "From the first byte of a request to the last of its answer.", duration_bounds);
  overhead = registry.histogram("hawser_overhead_seconds",
                                "The gateway's own time before an answer begins.", overhead_bounds);
  in_flight = registry.gauge("hawser_requests_in_flight", "Exchanges under way.");
  streams = registry.gauge("hawser_streams_active", "Streamed answers under way.");
  client_connections =
      registry.gauge("hawser_connections", "Open client connections.", {{"side", "downstream"}});
  retries = registry.counter("hawser_retries_total", "Tries repeated at the same target.");
  http2_floods =
      registry.counter("hawser_http2_floods_total",
                       "HTTP/2 connections ended because their client sent too much of what costs "
                       "and brings nothing.");
  fallbacks = registry.counter("hawser_fallbacks_total", "Tries moved on to the next target.");
  hedges =
      registry.counter("hawser_hedges_total", "Second targets asked because the first was late.");
  hedges_won = registry.counter("hawser_hedges_won_total", "Of those, how many answered first.");
  breakers_opened =
      registry.counter("hawser_breakers_opened_total", "Targets left alone for a while.");
  constexpr auto connections_help = "Connections taken for an attempt, new or kept.";
  upstream_connections_new = registry.counter("hawser_upstream_connections_total", connections_help,
                                              {{"reused", "false"}});
  upstream_connections_reused =
      registry.counter("hawser_upstream_connections_total", connections_help, {{"reused", "true"}});
  http2_connections =
      registry.gauge("hawser_upstream_http2_connections", "Open HTTP/2 connections to providers.");
  http2_streams =
      registry.gauge("hawser_upstream_http2_streams", "Requests under way on HTTP/2 connections.");
  http2_refused = registry.counter("hawser_upstream_http2_refused_total",
                                   "Requests that an HTTP/2 provider told it did not run.");
  http2_lost = registry.counter("hawser_upstream_http2_lost_total",
                                "HTTP/2 connections that gave no sign of life.");
  reattached_upstream =
      registry.counter("hawser_upstream_reattached_total",
                       "Broken streams that were taken up again at another gateway.");
  constexpr std::array kinds{"restart", "prefill", "replay"};  // as dialect::SpliceKind
  resolver_mismatches =
      registry.counter("hawser_resolver_mismatches_total",
                       "Names on whose addresses the first two resolvers agree in nothing.", {});
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    splices[i] = registry.counter(
        "hawser_splices_total", "Broken streams continued by a second call.", {{"kind", kinds[i]}});
  }
  generations = registry.counter("hawser_generations_total", "Generations that were recorded.");
  constexpr auto attached_help = "Readers that came back to a generation, by how.";
  resumed = registry.counter("hawser_readers_attached_total", attached_help, {{"by", "id"}});
  reattached =
      registry.counter("hawser_readers_attached_total", attached_help, {{"by", "request"}});
  constexpr auto states_help = "Generations that are kept, by state.";
  generations_running = registry.gauge("hawser_generations", states_help, {{"state", "running"}});
  generations_detached = registry.gauge("hawser_generations", states_help, {{"state", "detached"}});
  generation_bytes = registry.gauge("hawser_generation_log_bytes", "Memory of the logs.");
  constexpr std::array memory_kinds{"request_body", "unpacking", "generation_log", "copy",
                                    "queue"};  // as net::MemoryKind
  for (std::size_t i = 0; i < memory_kinds.size(); ++i) {
    bytes_in_use[i] = registry.gauge("hawser_bytes_in_use", "Memory that clients make it hold.",
                                     {{"kind", memory_kinds[i]}});
  }
  constexpr std::array bounds{"process", "key", "connection", "generations"};  // as MemoryBound
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    memory_refused[i] =
        registry.counter("hawser_memory_refused_total",
                         "How often a bound of memory was met: a request was refused, a stream "
                         "made to wait, a copy not kept.",
                         {{"bound", bounds[i]}});
  }
  constexpr auto reloads_help = "Reloads of the configuration.";
  reloads_ok = registry.counter("hawser_config_reloads_total", reloads_help, {{"result", "ok"}});
  reloads_failed =
      registry.counter("hawser_config_reloads_total", reloads_help, {{"result", "failed"}});
}

ModelMetrics model_metrics(Registry& registry, const std::string& model,
                           const std::string& provider) {
  const Labels labels{{"gen_ai_provider_name", provider}, {"gen_ai_request_model", model}};
  const auto tokens = [&](const char* type) {
    Labels typed = labels;
    typed.emplace_back("gen_ai_token_type", type);
    return registry.histogram("gen_ai_client_token_usage",
                              "Tokens of an exchange, as its provider counts them.", token_bounds,
                              typed);
  };
  return {
      registry.histogram("gen_ai_server_request_duration_seconds",
                         "Duration of exchanges that reached a provider.", gen_ai_bounds, labels),
      registry.histogram("gen_ai_server_time_to_first_token_seconds",
                         "From the request to the first content of a stream.", first_token_bounds,
                         labels),
      registry.counter("hawser_upstream_attempts_total", "Attempts at providers.", labels),
      tokens("input"), tokens("output")};
}

}  // namespace hawser::telemetry
