#pragma once

#include <map>
#include <string>

#include "exchange/stage.hpp"
#include "telemetry/access_log.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/standard_metrics.hpp"

namespace hawser::stage::observe {

struct ByName {
  using is_transparent = void;
  using Views = std::pair<std::string_view, std::string_view>;
  bool operator()(const Views& a, const Views& b) const { return a < b; }
};
/// Series by public model and provider, looked up once a configuration.
using ModelSeries = std::map<std::pair<std::string, std::string>, telemetry::ModelMetrics, ByName>;

/// Refusals by rule of residency.
using RefusalSeries = std::map<std::string, telemetry::SeriesId, std::less<>>;

/// Counts and logs every exchange when it is over, however it ended.
class Observe final : public exchange::Stage {
 public:
  Observe(const telemetry::StandardMetrics& metrics, ModelSeries models, RefusalSeries refusals,
          telemetry::Shard& shard, telemetry::AccessLog::Writer& log)
      : metrics_(metrics),
        models_(std::move(models)),
        refusals_(std::move(refusals)),
        shard_(shard),
        log_(log) {}

  Task<exchange::Answer> run(exchange::Exchange& exchange, exchange::Next next) override;
  void over(const exchange::Exchange& exchange) override;

 private:
  void count(const exchange::Exchange& exchange, Clock::time_point now);
  void count_model(const exchange::Exchange& exchange, Clock::time_point now);
  void log(const exchange::Exchange& exchange, Clock::time_point now);

  const telemetry::StandardMetrics& metrics_;
  ModelSeries models_;
  RefusalSeries refusals_;
  telemetry::Shard& shard_;
  telemetry::AccessLog::Writer& log_;
};

}  // namespace hawser::stage::observe
