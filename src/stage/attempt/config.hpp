#pragma once

#include <array>

#include "base/clock.hpp"
#include "config/fields.hpp"

namespace hawser::stage::attempt {

/// What is done when a connection that was kept ends without a word.
enum class KeptConnection : std::uint8_t { again, safe, never };
constexpr std::array<config::EnumName<KeptConnection>, 3> names_of(KeptConnection) {
  return {{{KeptConnection::again, "again"},
           {KeptConnection::safe, "safe"},
           {KeptConnection::never, "never"}}};
}

/// Retries happen before the first content only; behind it there is continuation.
struct RetryConfig {
  std::uint32_t attempts_max = 3;
  std::uint32_t attempts_per_target_max = 2;
  std::chrono::milliseconds backoff_base{200};
  std::chrono::milliseconds backoff_max{5'000};
  std::chrono::milliseconds wait_max{60'000};
  std::uint32_t budget_percent = 20;
  std::uint32_t budget_per_second = 3;
  bool continuation = true;
  std::chrono::milliseconds reattach_for{20'000};
  KeptConnection kept_connection = KeptConnection::again;

  template <class Visitor>
  void fields(Visitor&& field) {
    field("attempts_max", attempts_max, config::Range<std::uint32_t>{1, 10},
          "Tries of one request, the first one included.");
    field("attempts_per_target_max", attempts_per_target_max, config::Range<std::uint32_t>{1, 10},
          "Tries of one request at one target.");
    field("backoff_base", backoff_base, config::Range<milliseconds>{0ms, 60s},
          "Full jitter: the n-th wait is drawn from 0 to base x 2^n.");
    field("backoff_max", backoff_max, config::Range<milliseconds>{0ms, 60s},
          "Upper bound of that range.");
    field("wait_max", wait_max, config::Range<milliseconds>{0ms, 120s},
          "Longest wait that a provider may ask of us with Retry-After; a longer one ends the "
          "request with that answer.");
    field("budget_percent", budget_percent, config::Range<std::uint32_t>{0, 100},
          "Retries allowed, in percent of the requests of the last 10 seconds.");
    field("budget_per_second", budget_per_second, config::Range<std::uint32_t>{0, 10'000},
          "Retries a second and worker that are allowed however few requests there are.");
    field("continuation", continuation, config::Anything{},
          "Takes up a chat that breaks in mid-stream by one more call, where its text can be "
          "joined exactly.");
    field("reattach_for", reattach_for, config::Range<milliseconds>{0ms, 10min},
          "How long a link to another gateway that brings nothing to any call is tried again; 0: "
          "not at all.");
    field("kept_connection", kept_connection, config::Anything{},
          "When a kept connection ends before any byte of an answer, and nobody knows whether the "
          "request was read: again: one more try on a new connection; safe: only of a method that "
          "changes nothing (GET, HEAD, PUT, DELETE, OPTIONS); never.");
  }
  std::vector<config::Problem> check() const {
    if (backoff_base <= backoff_max) return {};
    return {{"backoff_base", "must not be above backoff_max"}};
  }
};

struct TimeoutConfig {
  std::chrono::milliseconds connect{3'000};
  std::chrono::milliseconds tls{5'000};
  std::chrono::milliseconds first_token{120'000};
  std::chrono::milliseconds plain_answer{0};
  std::chrono::milliseconds stall{120'000};
  std::chrono::milliseconds ending{500};
  std::chrono::milliseconds total{900'000};
  std::chrono::milliseconds stream_total{0};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("connect", connect, config::Range<milliseconds>{10ms, 60s},
          "TCP connection to the provider, names included.");
    field("tls", tls, config::Range<milliseconds>{10ms, 60s}, "TLS handshake with the provider.");
    field("first_token", first_token, config::Range<milliseconds>{10ms, 1h},
          "Of a stream: from the request sent to the first content.");
    field("plain_answer", plain_answer, config::Range<milliseconds>{0ms, 24h},
          "Of an answer that is not streamed: from the request sent to its beginning, which is "
          "when the model is done; 0: total alone bounds it.");
    field("stall", stall, config::Range<milliseconds>{10ms, 1h},
          "Silence of an answer that has begun.");
    field(
        "ending", ending, config::Range<milliseconds>{0ms, 60s},
        "How long a stream whose answer is all there may go on: for its usage and its last event, "
        "and then for the end of the connection's answer, so that it can be used again.");
    field("total", total, config::Range<milliseconds>{10ms, 24h},
          "The whole exchange, retries and waits included; of a stream, up to its first content.");
    field("stream_total", stream_total, config::Range<milliseconds>{0ms, 168h},
          "The age at which a stream that still runs is ended; 0: none.");
  }
};

}  // namespace hawser::stage::attempt
