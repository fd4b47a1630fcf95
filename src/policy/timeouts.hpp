#pragma once

#include "base/clock.hpp"
#include "config/fields.hpp"

namespace hawser::policy {

/// Deadlines of a provider, a model or an operation, in place of the general ones. 0: those hold.
struct Timeouts {
  std::chrono::milliseconds first_token{0};
  std::chrono::milliseconds plain_answer{0};
  std::chrono::milliseconds stall{0};
  std::chrono::milliseconds total{0};
  std::chrono::milliseconds stream_total{0};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("first_token", first_token, config::Range<milliseconds>{0ms, 1h},
          "In place of timeouts.first_token; 0: that one.");
    field("plain_answer", plain_answer, config::Range<milliseconds>{0ms, 24h},
          "In place of timeouts.plain_answer; 0: that one.");
    field("stall", stall, config::Range<milliseconds>{0ms, 1h},
          "In place of timeouts.stall; 0: that one.");
    field("total", total, config::Range<milliseconds>{0ms, 24h},
          "In place of timeouts.total; 0: that one.");
    field("stream_total", stream_total, config::Range<milliseconds>{0ms, 168h},
          "In place of timeouts.stream_total; 0: that one.");
  }
};

}  // namespace hawser::policy
