#pragma once

#include <memory>

#include "exchange/stage.hpp"
#include "gateway/snapshot.hpp"
#include "generation/shelf.hpp"
#include "http/upstream.hpp"
#include "net/byte_budget.hpp"
#include "net/offload.hpp"
#include "telemetry/access_log.hpp"
#include "telemetry/standard_metrics.hpp"

namespace hawser::gateway {

/// What one worker gives its stages.
struct WorkerParts {
  net::Reactor& reactor;
  http::UpstreamPools& pools;
  generation::Directory& directory;
  generation::Shelf& shelf;
  telemetry::Shard& shard;
  const telemetry::StandardMetrics& metrics;
  telemetry::AccessLog::Writer& access_log;
  stage::admit::WorkerLimits& limits;
  std::string_view filter_secret;
  stage::cache::Cache::Shelves cache;
  net::WorkerBytes& bytes;
  net::Offload& offload;
  stage::cache::Cache::RunAside run_aside;
  audit::Log* audit = nullptr;  // none is kept
  audit::Log::Inlet* audit_inlet = nullptr;
};

/// The policies of one worker under one configuration, in their order.
std::shared_ptr<exchange::Pipeline> assemble(const Snapshot& snapshot, const WorkerParts& parts);

}  // namespace hawser::gateway
