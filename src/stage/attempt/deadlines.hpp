#pragma once

#include <algorithm>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "policy/timeouts.hpp"
#include "stage/attempt/config.hpp"

namespace hawser::stage::attempt {

/// Which of an exchange's deadlines.
enum class DeadlineKind : std::uint8_t {
  first_token,
  plain_answer,
  stall,
  total,
  stream_total,
  sending,  // as stall: of a request that the provider does not take
};
/// Whose it is: the most particular one that is set holds.
enum class DeadlineOwner : std::uint8_t { general, operation, provider, model };

/// One that applies. 0ms: there is none.
struct Deadline {
  ShortMilliseconds after{};
  DeadlineKind kind{};
  DeadlineOwner owner = DeadlineOwner::general;

  Clock::time_point behind(Clock::time_point since) const {
    return after > 0ms ? since + after : Clock::time_point::max();
  }
  /// What is told of it once it is met: which, how long, and where it is set.
  Error error() const;
};

/// The deadlines of one request at one target.
class Deadlines {
 public:
  struct Sources {
    const TimeoutConfig& general;
    const policy::Timeouts* operation = nullptr;
    const policy::Timeouts* provider = nullptr;
    const policy::Timeouts* model = nullptr;
  };
  explicit Deadlines(const Sources& from) : from_(from) {}

  Deadline of(DeadlineKind kind) const;

 private:
  Sources from_;
};

/// The earlier of two, as a moment; and which it is.
struct Due {
  Clock::time_point at = Clock::time_point::max();
  Deadline deadline{};

  void sooner(const Deadline& other, Clock::time_point since) {
    const auto when = other.behind(since);
    if (when >= at) return;
    at = when;
    deadline = other;
  }
};

}  // namespace hawser::stage::attempt
