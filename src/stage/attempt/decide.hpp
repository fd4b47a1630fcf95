#pragma once

#include <optional>
#include <variant>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "exchange/reservation.hpp"
#include "stage/attempt/config.hpp"

namespace hawser::stage::attempt {

/// How far an attempt got before it failed: decides what is safe to do next.
enum class Reached : std::uint8_t {
  not_connected,
  unprocessed,   // provably nobody ran it: its kept connection was closed, its stream refused
  sent_request,  // the provider may have run it
  content_out,   // the client has begun to receive the answer
};

struct Failure {
  Reached reached = Reached::not_connected;
  Code code = Code::connection;
  int status = 0;                             // upstream HTTP status, 0 if none came
  std::optional<milliseconds> retry_after{};  // as the provider asked
  std::optional<bool> should_retry{};         // the provider's x-should-retry
  bool kept_ended = false;                    // a kept connection ended without a word
  bool out_of_quota = false;                  // waiting does not help this credential
  bool not_sent_whole = false;                // half a request is on its way at most
  bool refused = false;                       // by an error in place of any content
  bool quota_told = false;                    // the answer says how many tokens are left
};

struct Situation {
  std::uint32_t attempts = 1;  // made so far, this one included
  std::uint32_t attempts_at_target = 1;
  std::uint32_t free_tries = 0;  // of those that cost nothing, made so far
  bool has_next_target = false;
  bool budget_allows = true;
  bool idempotent = false;         // by its method: GET, HEAD, PUT, DELETE, OPTIONS
  bool kept_ended_before = false;  // another try of this exchange met that already
  /// Of a target that is another gateway whose path broke before its answer: the wait before it is
  /// asked again, which costs nothing there; nothing: it is not, or not any more.
  std::optional<milliseconds> link_wait{};
  bool replayable = true;          // the body is still there to send again
  milliseconds time_left{60'000};  // of the whole exchange
  double random = 0.5;             // [0, 1), for the jitter
};

struct TrySame {
  milliseconds wait{};
  bool free = false;   // costs neither an attempt nor budget
  bool fresh = false;  // on a new connection
  bool operator==(const TrySame&) const = default;
};
struct TryNext {
  bool operator==(const TryNext&) const = default;
};
struct GiveUp {
  bool retries_spent = false;  // then the client's SDK must not multiply them
  bool operator==(const GiveUp&) const = default;
};
using Step = std::variant<TrySame, TryNext, GiveUp>;

/// Whether it is proven that the provider does not charge for it.
std::optional<exchange::NotCharged> not_charged(const Failure& failure);

/// Decides; does nothing. All of the retry policy is here and is tested as a table.
///
/// After content went out only the generation's own resume may go on: a second writer would double
/// tokens. A request that may have reached the provider costs money: it goes to another target,
/// which the operator listed for that, but to the same one only where the provider asked for it or
/// the method is idempotent. One that provably did not run is free to try again.
Step decide(const Failure& failure, const Situation& now, const RetryConfig& config);

}  // namespace hawser::stage::attempt
