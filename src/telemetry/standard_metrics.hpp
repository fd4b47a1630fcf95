#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "telemetry/metrics.hpp"

namespace hawser::telemetry {

/// The families that do not depend on the configuration (docs/metrics.md).
struct StandardMetrics {
  explicit StandardMetrics(Registry& registry);

  /// requests_total{status}; statuses outside 100 to 599 count as other.
  SeriesId requests(int status) const {
    return requests_[status >= 100 && status < 600 ? static_cast<std::size_t>(status) : 0];
  }
  /// Registers the series of a status that has none yet. Statuses are few; most are never seen.
  std::array<SeriesId, 600> requests_{};
  std::array<SeriesId, codes_count> errors{};  // api_errors{type}, by Code
  SeriesId request_duration{};
  SeriesId overhead{};
  SeriesId in_flight{};
  SeriesId streams{};
  SeriesId client_connections{};
  SeriesId retries{};
  SeriesId fallbacks{};
  SeriesId hedges{};
  SeriesId hedges_won{};
  SeriesId breakers_opened{};
  SeriesId http2_floods{};
  SeriesId upstream_connections_new{};
  SeriesId upstream_connections_reused{};
  SeriesId http2_connections{};       // hawser_upstream_http2_connections
  SeriesId http2_streams{};           // hawser_upstream_http2_streams
  SeriesId http2_refused{};           // hawser_upstream_http2_refused_total
  SeriesId reattached_upstream{};     // hawser_upstream_reattached_total
  SeriesId http2_lost{};              // hawser_upstream_http2_lost_total
  SeriesId resolver_mismatches{};     // hawser_resolver_mismatches_total
  std::array<SeriesId, 3> splices{};  // hawser_splices_total{kind}, by dialect::SpliceKind
  SeriesId generations{};
  SeriesId resumed{};
  SeriesId reattached{};
  SeriesId generations_running{};
  SeriesId generations_detached{};
  SeriesId generation_bytes{};
  std::array<SeriesId, 5> bytes_in_use{};    // hawser_bytes_in_use{kind}, by net::MemoryKind
  std::array<SeriesId, 4> memory_refused{};  // by net::MemoryBound
  SeriesId reloads_ok{};
  SeriesId reloads_failed{};
};

/// What is counted for one public model at one provider.
struct ModelMetrics {
  SeriesId duration{};
  SeriesId first_token{};
  SeriesId attempts{};
  SeriesId input_tokens{};
  SeriesId output_tokens{};
};
ModelMetrics model_metrics(Registry& registry, const std::string& model,
                           const std::string& provider);

}  // namespace hawser::telemetry
