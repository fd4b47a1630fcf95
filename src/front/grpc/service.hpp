#pragma once

#include <memory>

#include "base/request_id.hpp"
#include "exchange/call.hpp"
#include "front/grpc/encode.hpp"
#include "front/grpc/rpc.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/standard_metrics.hpp"

namespace hawser::front::grpc {

/// What the calls of one worker share.
struct Services {
  net::Reactor& reactor;
  IdSource& ids;
  telemetry::Shard& shard;
  const telemetry::StandardMetrics& metrics;
  const std::shared_ptr<const exchange::Pipeline>& pipeline;  // in force
  const bool& draining;
  bool reflection = true;
};

/// Serves one call: finds its method and runs it to its status.
Task<> serve(Services& services, RpcPtr rpc, std::string peer);

}  // namespace hawser::front::grpc
