#pragma once

#include "base/clock.hpp"
#include "base/strong.hpp"
#include "config/fields.hpp"

namespace hawser::h2 {

/// What a client may ask of one HTTP/2 connection.
struct Http2Config {
  bool enabled = true;
  std::uint32_t streams_max = 128;
  Bytes window{256 * 1024};
  Bytes connection_window{512 * 1024};
  std::chrono::milliseconds keepalive{30'000};
  std::uint32_t resets_max = 200;
  std::uint32_t control_frames_max = 2'000;

  template <class Visitor>
  void fields(Visitor&& field) {
    field("enabled", enabled, config::Anything{},
          "HTTP/2 beside HTTP/1.1, by ALPN or, without TLS, by its first bytes.");
    field("streams_max", streams_max, config::Range<std::uint32_t>{1, 10'000},
          "Requests at once on one connection.");
    field("window", window, config::Range<Bytes>{Bytes{16 * 1024}, Bytes{64 * 1024 * 1024}},
          "Bytes of one request's body that may be on their way or wait here.");
    field("connection_window", connection_window,
          config::Range<Bytes>{Bytes{64 * 1024}, Bytes{256 * 1024 * 1024}},
          "The same of all requests of a connection.");
    field(
        "keepalive", keepalive, config::Range<milliseconds>{100ms, 1h},
        "A connection with open requests that is silent is asked for a sign of life so often; two "
        "that stay out end it.");
    field("resets_max", resets_max, config::Range<std::uint32_t>{1, 1'000'000},
          "Requests that may be broken off at once, by either side; each second a tenth of them "
          "comes back. Beyond that the connection ends.");
    field("control_frames_max", control_frames_max, config::Range<std::uint32_t>{100, 1'000'000},
          "Frames without content (PING, SETTINGS, WINDOW_UPDATE, PRIORITY, empty DATA) that may "
          "come at once; each second a tenth of them comes back, and what we send allows more. "
          "Beyond that the connection ends.");
  }
};

}  // namespace hawser::h2
