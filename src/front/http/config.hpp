#pragma once

#include "base/clock.hpp"
#include "base/strong.hpp"
#include "config/fields.hpp"

namespace hawser::front::http {

/// What clients can make the process hold.
struct MemoryConfig {
  Bytes process{2ull * 1024 * 1024 * 1024};
  Bytes per_key{256ull * 1024 * 1024};
  Bytes per_connection{64 * 1024 * 1024};

  template <class Visitor>
  void fields(Visitor&& field) {
    constexpr config::Range<Bytes> range{Bytes{1024 * 1024}, Bytes{1024ull * 1024 * 1024 * 1024}};
    field("process", process, range,
          "Request bodies, logs of generations and copies, together. A request that needs more is "
          "answered 503.");
    field("per_key", per_key, range,
          "Of these, what the requests and answers of one key may hold; more is answered 429. "
          "Without keys it does not apply.");
    field("per_connection", per_connection, range,
          "What the bodies of one client connection may hold at a time; more is answered 503.");
  }
};

/// What a client may ask of us at most.
struct LimitsConfig {
  Bytes head_max{64 * 1024};
  Bytes target_max{16 * 1024};
  std::uint32_t fields_max = 128;
  Bytes json_body_max{8 * 1024 * 1024};
  Bytes body_max{512 * 1024 * 1024};
  Bytes replay_max{1024 * 1024};
  Bytes form_ahead_max{32 * 1024 * 1024};
  std::uint32_t unpacked_ratio_max = 100;
  Bytes unpacked_ratio_free{1024 * 1024};
  MemoryConfig memory{};
  std::uint32_t connections_max = 16'000;
  std::uint32_t connections_per_address_max = 4'096;
  std::chrono::milliseconds head_timeout{10'000};
  std::chrono::milliseconds body_timeout{30'000};
  std::chrono::milliseconds write_timeout{60'000};
  std::chrono::milliseconds idle_timeout{75'000};
  std::chrono::milliseconds tls_timeout{10'000};
  std::chrono::milliseconds lingering_time{30'000};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("head_max", head_max, config::Range<Bytes>{Bytes{1024}, Bytes{1024 * 1024}},
          "Request line and headers together; more is answered 431.");
    field("target_max", target_max, config::Range<Bytes>{Bytes{256}, Bytes{256 * 1024}},
          "Path and query; more is answered 414.");
    field("fields_max", fields_max, config::Range<std::uint32_t>{8, 4096},
          "Number of headers; more is answered 431.");
    field("json_body_max", json_body_max,
          config::Range<Bytes>{Bytes{1024}, Bytes{1024ull * 1024 * 1024}},
          "A JSON body; it is held in memory. More is answered 413.");
    field("body_max", body_max,
          config::Range<Bytes>{Bytes{1024}, Bytes{64ull * 1024 * 1024 * 1024}},
          "Any other body; it streams through. More is answered 413.");
    field("replay_max", replay_max, config::Range<Bytes>{Bytes{0}, Bytes{1024ull * 1024 * 1024}},
          "A body up to this size that is not JSON is kept until the answer begins, so that it can "
          "be sent again.");
    field(
        "form_ahead_max", form_ahead_max,
        config::Range<Bytes>{Bytes{1024}, Bytes{1024ull * 1024 * 1024}},
        "Bytes of a form that are held in memory until its field \"model\" is found; a model that "
        "stands further behind is answered 413.");
    field("unpacked_ratio_max", unpacked_ratio_max, config::Range<std::uint32_t>{2, 100'000},
          "A compressed body may unpack to so many times its size; more is answered 413.");
    field("unpacked_ratio_free", unpacked_ratio_free,
          config::Range<Bytes>{Bytes{0}, Bytes{1024ull * 1024 * 1024}},
          "Up to so many unpacked bytes the ratio does not matter.");
    field("memory", memory, config::Anything{},
          "How many bytes clients can make the process hold.");
    field("connections_max", connections_max, config::Range<std::uint32_t>{1, 1'000'000},
          "Open client connections of a worker.");
    field("connections_per_address_max", connections_per_address_max,
          config::Range<std::uint32_t>{1, 1'000'000},
          "Open connections of one client address to a worker. More where clients come through one "
          "proxy.");
    field("head_timeout", head_timeout, config::Range<milliseconds>{10ms, 1h},
          "From the first byte of a request to the end of its headers.");
    field("body_timeout", body_timeout, config::Range<milliseconds>{10ms, 1h},
          "Silence while a body is being read.");
    field("write_timeout", write_timeout, config::Range<milliseconds>{10ms, 1h},
          "A client that takes no byte for so long is closed.");
    field("idle_timeout", idle_timeout, config::Range<milliseconds>{10ms, 24h},
          "Between two requests of a connection.");
    field("tls_timeout", tls_timeout, config::Range<milliseconds>{10ms, 1h},
          "TLS handshake of a client.");
    field("lingering_time", lingering_time, config::Range<milliseconds>{0ms, 1h},
          "How long a client that is answered before it sent its whole body may go on sending "
          "(what comes is dropped), so that it gets to read the answer.");
  }
};

}  // namespace hawser::front::http
