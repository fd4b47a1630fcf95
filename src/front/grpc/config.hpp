#pragma once

#include "base/clock.hpp"
#include "base/strong.hpp"
#include "config/fields.hpp"

namespace hawser::front::grpc {

/// What a client may ask of one gRPC connection.
struct GrpcConfig {
  Bytes message_max{64 * 1024 * 1024};
  std::uint32_t streams_max = 128;
  milliseconds keepalive{30'000};
  milliseconds idle_timeout{600'000};
  bool reflection = false;

  template <class Visitor>
  void fields(Visitor&& field) {
    field("message_max", message_max,
          config::Range<Bytes>{Bytes{1024}, Bytes{1024ull * 1024 * 1024}},
          "One message; a longer one ends its call.");
    field("streams_max", streams_max, config::Range<std::uint32_t>{1, 10'000},
          "Calls under way on one connection.");
    field("idle_timeout", idle_timeout, config::Range<milliseconds>{1s, 24h},
          "A connection without calls ends after so long; before its first call "
          "limits.idle_timeout counts.");
    field("keepalive", keepalive, config::Range<milliseconds>{100ms, 1h},
          "A silent connection is asked for a sign of life so often; two that stay out end it.");
    field("reflection", reflection, config::Anything{},
          "Tells tools such as grpcurl which services there are, whoever asks.");
  }
};

}  // namespace hawser::front::grpc
