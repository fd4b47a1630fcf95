#include "stage/attempt/link.hpp"

#include <algorithm>

namespace hawser::stage::attempt {

std::optional<milliseconds> LinkRetry::next(const Link& link, Clock::time_point now,
                                            double random) {
  if (broke_at_ == Clock::time_point::min()) broke_at_ = now;
  const auto silent_since = std::max(broke_at_, link.last());
  if (now - silent_since >= patience_ || now - broke_at_ >= alone_max * patience_) {
    return std::nullopt;
  }
  return backoff_.next(random);
}

}  // namespace hawser::stage::attempt
