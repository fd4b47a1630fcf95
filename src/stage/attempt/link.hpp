#pragma once

#include <optional>

#include "base/clock.hpp"
#include "base/reconnect_backoff.hpp"

namespace hawser::stage::attempt {

/// The path from a worker to another gateway, as all calls over it see it.
class Link {
 public:
  /// A call's answer came over it, or went on.
  void brought(Clock::time_point now) { last_ = now; }
  /// When it last brought something to any call.
  Clock::time_point last() const { return last_; }

 private:
  Clock::time_point last_ = Clock::time_point::min();
};

/// When one call asks again over a link that broke under it, and when it gives up. A link is given
/// up once it brought nothing to anybody for long: where many share one that breaks again and again
/// some come back late, by chance, though it is there. Pure: neither a clock nor a source of
/// chance.
class LinkRetry {
 public:
  /// A call that alone gets nothing, while others do, is given up behind so many times its
  /// patience: what breaks it may be what it asks for.
  static constexpr int alone_max = 6;

  /// @param patience  how long a link that brings nothing is tried
  explicit LinkRetry(milliseconds patience) : patience_(patience) {}

  /// The wait before the next try; nothing: it is given up.
  /// @param random  [0, 1)
  std::optional<milliseconds> next(const Link& link, Clock::time_point now, double random);

  /// The call got something: what broke before is forgotten.
  void progress() {
    backoff_.progress();
    broke_at_ = Clock::time_point::min();
  }

 private:
  milliseconds patience_;
  ReconnectBackoff backoff_{};
  Clock::time_point broke_at_ = Clock::time_point::min();  // min(): not since the last progress
};

}  // namespace hawser::stage::attempt
