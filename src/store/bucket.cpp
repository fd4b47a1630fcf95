#include "store/bucket.hpp"

#include <algorithm>
#include <limits>

namespace hawser::store {

static_assert(std::is_same_v<Clock::duration, std::chrono::nanoseconds>);

namespace {

__extension__ using Wide = unsigned __int128;

std::int64_t clamped(Wide value) {
  constexpr auto most = static_cast<Wide>(std::numeric_limits<std::int64_t>::max() / 4);
  return static_cast<std::int64_t>(std::min(value, most));
}

/// A division less for each look at a bucket.
std::int64_t burst_of(const Pace& pace) {
  return pace.burst_time != 0 ? pace.burst_time : pace.time_of(pace.burst);
}

}  // namespace

std::int64_t Pace::time_of(std::uint64_t units) const {
  std::uint64_t narrow = 0;  // nearly always: a division of 64 bits is a fraction of one of 128
  if (!__builtin_mul_overflow(units, static_cast<std::uint64_t>(period.count()), &narrow) &&
      !__builtin_add_overflow(narrow, amount - 1, &narrow)) {
    return clamped(narrow / amount);
  }
  const auto whole = static_cast<Wide>(units) * static_cast<Wide>(period.count());
  return clamped((whole + amount - 1) / amount);
}

std::uint64_t Pace::units_in(std::int64_t time) const {
  if (time <= 0) return 0;
  const auto whole = static_cast<Wide>(time) * amount;
  return static_cast<std::uint64_t>(clamped(whole / static_cast<Wide>(period.count())));
}

/// A clock that was set back leaves a time that no debt explains: the bucket begins anew, empty.
std::int64_t Bucket::sane(std::int64_t full_at, std::int64_t now, std::int64_t burst) const {
  if (full_at < now) return now;
  return full_at - now > 2 * burst + 1 ? now + burst : full_at;
}

Bucket::Verdict Bucket::take(const Pace& pace, std::uint64_t units, Clock::time_point when) {
  const std::int64_t now = when.time_since_epoch().count();
  const std::int64_t cost = pace.time_of(units);
  const std::int64_t burst = burst_of(pace);
  if (units > pace.burst) return {false, Clock::duration::max()};
  std::int64_t seen = full_at_.load(std::memory_order_relaxed);
  for (;;) {
    const std::int64_t from = sane(seen, now, burst);
    const std::int64_t next = from + cost;
    if (next - now > burst) {
      if (from < seen) full_at_.compare_exchange_weak(seen, from, std::memory_order_acq_rel);
      return {false, Clock::duration(next - now - burst)};
    }
    if (full_at_.compare_exchange_weak(seen, next, std::memory_order_acq_rel)) return {true, {}};
  }
}

Bucket::Verdict Bucket::take_in_turn(const Pace& pace, std::uint64_t units,
                                     Clock::time_point when) {
  const std::int64_t now = when.time_since_epoch().count();
  const std::int64_t burst = std::max(burst_of(pace), pace.time_of(units));
  std::int64_t seen = full_at_.load(std::memory_order_relaxed);
  for (;;) {
    const std::int64_t from = sane(seen, now, burst);
    if (from > now) return {false, Clock::duration(from - now)};
    if (full_at_.compare_exchange_weak(seen, from + pace.time_of(units),
                                       std::memory_order_acq_rel)) {
      return {true, {}};
    }
  }
}

void Bucket::give(const Pace& pace, std::uint64_t units) {
  // Rounded as it was taken: what goes back is what came.
  full_at_.fetch_sub(pace.time_of(units), std::memory_order_acq_rel);
}

std::uint64_t Bucket::charge(const Pace& pace, std::uint64_t units, Clock::time_point when) {
  const std::int64_t now = when.time_since_epoch().count();
  const std::int64_t burst = burst_of(pace);
  std::int64_t seen = full_at_.load(std::memory_order_relaxed);
  for (;;) {
    const std::int64_t from = sane(seen, now, burst);
    const std::int64_t next = std::max(from, std::min(from + pace.time_of(units), now + 2 * burst));
    if (!full_at_.compare_exchange_weak(seen, next, std::memory_order_acq_rel)) continue;
    return units - std::min(units, pace.units_in(next - from));
  }
}

std::uint64_t Bucket::left(const Pace& pace, Clock::time_point when) const {
  const std::int64_t now = when.time_since_epoch().count();
  const std::int64_t burst = burst_of(pace);
  const std::int64_t full = sane(full_at_.load(std::memory_order_relaxed), now, burst);
  return pace.units_in(burst - (full - now));
}

Clock::duration Bucket::until_full(const Pace& pace, Clock::time_point when) const {
  const std::int64_t now = when.time_since_epoch().count();
  const std::int64_t full = sane(full_at_.load(std::memory_order_relaxed), now, burst_of(pace));
  return Clock::duration(full - now);
}

}  // namespace hawser::store
