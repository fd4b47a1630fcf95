#pragma once

#include "base/clock.hpp"
#include "base/strong.hpp"
#include "config/fields.hpp"

namespace hawser::front::websocket {

/// What a client may ask of one WebSocket connection.
struct WebSocketConfig {
  Bytes message_max{16 * 1024 * 1024};
  Bytes hello_max{16 * 1024};
  Bytes queued_max{4 * 1024 * 1024};
  milliseconds heartbeat{30'000};
  milliseconds keepalive{2'000};
  milliseconds hello_timeout{5'000};
  milliseconds max_age{3'600'000};
  milliseconds recheck{300'000};
  std::uint32_t streams_max = 64;
  Bytes credit_connection{4 * 1024 * 1024};
  Bytes credit_stream{256 * 1024};
  std::uint32_t responses_in_flight_max = 16;
  std::uint32_t responses_lanes_max = 32;
  std::uint32_t responses_turns_max = 256;
  Bytes responses_turns_bytes_max{16 * 1024 * 1024};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("message_max", message_max,
          config::Range<Bytes>{Bytes{1024}, Bytes{1024ull * 1024 * 1024}},
          "One message; a longer body comes in parts. More closes the connection.");
    field("hello_max", hello_max, config::Range<Bytes>{Bytes{1024}, Bytes{1024 * 1024}},
          "The hello of a tunnel, and whatever comes before it.");
    field("queued_max", queued_max,
          config::Range<Bytes>{Bytes{128 * 1024}, Bytes{1024ull * 1024 * 1024}},
          "What may wait for a client that does not read. Nothing more is read of it long before; "
          "beyond this the connection ends.");
    field("heartbeat", heartbeat, config::Range<milliseconds>{100ms, 1h},
          "A silent connection is asked for a sign of life so often; two that stay out end it.");
    field("keepalive", keepalive, config::Range<milliseconds>{100ms, 1min},
          "A tunnel whose client promises the same is heard from so often while requests are open: "
          "a path that died is noticed within two and a half times that.");
    field("hello_timeout", hello_timeout, config::Range<milliseconds>{10ms, 10min},
          "From the handshake of a tunnel to its hello.");
    field("max_age", max_age, config::Range<milliseconds>{1s, 24h},
          "A connection is asked to be replaced when it is that old.");
    field("recheck", recheck, config::Range<milliseconds>{100ms, 24h},
          "The key of a connection is looked up again so often.");
    field("streams_max", streams_max, config::Range<std::uint32_t>{1, 10'000},
          "Requests under way on one connection.");
    field("credit_connection", credit_connection,
          config::Range<Bytes>{Bytes{1024}, Bytes{1024ull * 1024 * 1024}},
          "Bytes of events that a tunnel sends before its client gives more credit.");
    field("credit_stream", credit_stream,
          config::Range<Bytes>{Bytes{1024}, Bytes{1024ull * 1024 * 1024}},
          "The same for one request of it.");
    field("responses_in_flight_max", responses_in_flight_max,
          config::Range<std::uint32_t>{1, 10'000},
          "Responses under way on one connection to /v1/responses.");
    field("responses_lanes_max", responses_lanes_max, config::Range<std::uint32_t>{1, 10'000},
          "Names of lanes (stream_id) on one connection to /v1/responses.");
    field("responses_turns_max", responses_turns_max, config::Range<std::uint32_t>{1, 100'000},
          "Responses that a connection to /v1/responses keeps for those that build on them, where "
          "no provider does; the oldest go first.");
    field("responses_turns_bytes_max", responses_turns_bytes_max,
          config::Range<Bytes>{Bytes{64 * 1024}, Bytes{1024ull * 1024 * 1024}},
          "The same in bytes. A longer one is not kept at all.");
  }
};

}  // namespace hawser::front::websocket
