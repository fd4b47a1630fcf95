#include "health/breaker.hpp"

#include <algorithm>

namespace hawser::health {
namespace {

constexpr std::uint64_t count_max = (1u << 20) - 1;
constexpr auto relaxed = std::memory_order_relaxed;

std::uint64_t tries_of(std::uint64_t word) {
  return word >> 20 & count_max;
}
std::uint64_t failures_of(std::uint64_t word) {
  return word & count_max;
}

}  // namespace

std::uint64_t Breaker::number_of(Clock::time_point now) {
  return static_cast<std::uint64_t>(now.time_since_epoch() / slice) & 0xffffff;
}

Breaker::Verdict Breaker::look() const {
  const auto next = next_try_.load(relaxed);
  if (next == 0) return {};
  return {true, Clock::time_point(Clock::duration(next))};
}

bool Breaker::admit(Clock::time_point now, const HealthConfig& config) {
  auto next = next_try_.load(relaxed);
  if (next == 0) return true;
  const auto at = now.time_since_epoch().count();
  if (at < next) return false;
  // Whoever moves the time on is the one that tries.
  const auto later = (now + Clock::duration(config.pause)).time_since_epoch().count();
  if (!next_try_.compare_exchange_strong(next, later, relaxed)) return false;
  probing_.store(true, relaxed);
  return true;
}

bool Breaker::succeeded(Clock::time_point now) {
  if (in_a_row_.load(relaxed) != 0) in_a_row_.store(0, relaxed);
  count(now, false);
  if (next_try_.load(relaxed) == 0) return false;
  opened_.store(0, relaxed);
  probing_.store(false, relaxed);
  for (auto& word : counts_) word.store(0, relaxed);
  return next_try_.exchange(0, relaxed) != 0;
}

bool Breaker::failed(Clock::time_point now, const HealthConfig& config) {
  count(now, true);
  const auto in_a_row = in_a_row_.fetch_add(1, relaxed) + 1;
  const bool was_open = next_try_.load(relaxed) != 0;
  if (!was_open && in_a_row < config.failures_in_a_row && !too_many(now, config)) return false;
  if (was_open && !probing_.exchange(false, relaxed)) return false;  // begun before it opened
  open(now, config);
  return !was_open;
}

void Breaker::open(Clock::time_point now, const HealthConfig& config) {
  const auto times = std::min<std::uint32_t>(opened_.fetch_add(1, relaxed), 16);
  const auto pause = std::min(config.pause * (1 << times), config.pause_max);
  next_try_.store((now + Clock::duration(pause)).time_since_epoch().count(), relaxed);
}

void Breaker::count(Clock::time_point now, bool failure) {
  const std::uint64_t number = number_of(now);
  auto& word = counts_[number % slices];
  std::uint64_t before = word.load(relaxed);
  for (;;) {
    const bool same = before >> 40 == number;
    const std::uint64_t tries = std::min((same ? tries_of(before) : 0) + 1, count_max);
    const std::uint64_t failures = (same ? failures_of(before) : 0) + (failure ? 1 : 0);
    const std::uint64_t after = number << 40 | tries << 20 | std::min(failures, count_max);
    if (word.compare_exchange_weak(before, after, relaxed)) return;
  }
}

bool Breaker::too_many(Clock::time_point now, const HealthConfig& config) const {
  const std::uint64_t number = number_of(now);
  std::uint64_t tries = 0, failures = 0;
  for (const auto& word : counts_) {
    const std::uint64_t value = word.load(relaxed);
    if (((number - (value >> 40)) & 0xffffff) >= slices) continue;
    tries += tries_of(value);
    failures += failures_of(value);
  }
  return tries >= config.samples_min && failures * 100 >= tries * config.failures_percent;
}

}  // namespace hawser::health
