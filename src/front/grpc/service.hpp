#pragma once

#include <memory>

#include <functional>
#include <optional>

#include "base/request_id.hpp"
#include "exchange/call.hpp"
#include "exchange/client_name.hpp"
#include "front/grpc/config.hpp"
#include "front/grpc/encode.hpp"
#include "front/grpc/rpc.hpp"
#include "net/byte_budget.hpp"
#include "telemetry/access_log.hpp"
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
  telemetry::AccessLog::Writer& access_log;
  net::WorkerBytes& bytes;
  GrpcConfig config{};
  milliseconds write_timeout{};
  std::size_t bodies_max = 0;  // that the requests of one connection may hold
  /// Whose key is in a call's metadata, or whose its client's certificate stands for; nothing: it
  /// is none of ours.
  std::function<std::optional<exchange::ClientName>(const wire::RequestHead&,
                                                    const std::vector<std::string>& client_names)>
      client_of{};
};

using Method = Task<> (*)(Services&, RpcPtr, std::string_view peer);

/// Judges a call by its head alone, before any of its messages is held.
struct Admission {
  Method method = nullptr;      // null: refused
  std::size_t message_max = 0;  // of each message
  exchange::ClientName client{};
  Ending refusal{};
};
Admission admit(Services& services, const CallHead& head, std::string_view peer);

}  // namespace hawser::front::grpc
