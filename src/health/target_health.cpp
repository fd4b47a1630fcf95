#include "health/target_health.hpp"

#include <algorithm>

namespace hawser::health {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;
constexpr double least_share = 0.2;

Clock::rep rep_of(Clock::time_point when) {
  return when.time_since_epoch().count();
}
Clock::time_point time_of(Clock::rep rep) {
  return Clock::time_point(Clock::duration(rep));
}

void raise(std::atomic<Clock::rep>& to, Clock::time_point when) {
  Clock::rep before = to.load(relaxed);
  while (before < rep_of(when) && !to.compare_exchange_weak(before, rep_of(when), relaxed)) {
  }
}

}  // namespace

Condition TargetHealth::condition(Clock::time_point now, std::uint64_t tokens) const {
  using State = Condition::State;
  if (const auto cold = cold_until_.load(relaxed); rep_of(now) < cold) {
    return {State::cold, time_of(cold), "rate_limit"};
  }
  const auto known = tokens_known_until_.load(relaxed);
  if (rep_of(now) < known && tokens_left_.load(relaxed) < static_cast<std::int64_t>(tokens)) {
    return {State::cold, time_of(known), "quota"};
  }
  if (const auto avoid = provider_->avoid_until_.load(relaxed); rep_of(now) < avoid) {
    return {State::avoided, time_of(avoid), "credential"};
  }
  if (const auto verdict = provider_->breaker.look(); verdict.open && now < verdict.until) {
    return {State::avoided, verdict.until, "connection"};
  }
  if (const auto verdict = breaker_.look(); verdict.open && now < verdict.until) {
    return {State::avoided, verdict.until, "breaker"};
  }
  return {};
}

bool TargetHealth::admit(Clock::time_point now, const HealthConfig& config) {
  return provider_->breaker.admit(now, config) && breaker_.admit(now, config);
}

void TargetHealth::began(std::uint64_t tokens) {
  outstanding_.fetch_add(static_cast<std::int64_t>(tokens), relaxed);
  // Between two answers that tell the quota it is counted down here.
  if (tokens_known_until_.load(relaxed) != 0) {
    tokens_left_.fetch_sub(static_cast<std::int64_t>(tokens), relaxed);
  }
}

void TargetHealth::ended(std::uint64_t tokens) {
  outstanding_.fetch_sub(static_cast<std::int64_t>(tokens), relaxed);
}

void TargetHealth::took_nothing(std::uint64_t tokens) {
  if (tokens_known_until_.load(relaxed) != 0) {
    tokens_left_.fetch_add(static_cast<std::int64_t>(tokens), relaxed);
  }
}

void TargetHealth::answered(Clock::duration first_token, Clock::time_point now) {
  first_token_.observe(first_token, now);
  usual_.observe(first_token);
  const bool connected = provider_->breaker.succeeded(now);
  const bool recovered = breaker_.succeeded(now);
  if (connected || recovered || was_cold_.exchange(false, relaxed)) came_back(now);
  if (provider_->avoid_until_.load(relaxed) != 0) provider_->avoid_until_.store(0, relaxed);
}

bool TargetHealth::failed(Fault fault, std::optional<milliseconds> wait, Clock::time_point now,
                          const HealthConfig& config) {
  switch (fault) {
    case Fault::none:
      return false;
    case Fault::limited:
      if (wait && *wait > 0ms) {
        raise(cold_until_, now + std::min(*wait, config.retry_after_max));
        was_cold_.store(true, relaxed);
        return false;
      }
      return breaker_.failed(now, config);
    case Fault::credential:
      raise(provider_->avoid_until_, now + config.credential_pause);
      return false;
    case Fault::connection:
      return provider_->breaker.failed(now, config);
    case Fault::target:
      return breaker_.failed(now, config);
  }
  return false;
}

void TargetHealth::told(const Quota& quota, Clock::time_point now, const HealthConfig& config) {
  const auto most = config.retry_after_max;
  if (quota.requests && quota.requests->left == 0 && quota.requests->until_full > 0ms) {
    raise(cold_until_, now + std::min(quota.requests->until_full, most));
    was_cold_.store(true, relaxed);
  }
  if (!quota.tokens) return;
  constexpr std::uint64_t tokens_max = 1ull << 62;
  tokens_left_.store(static_cast<std::int64_t>(std::min(quota.tokens->left, tokens_max)), relaxed);
  tokens_known_until_.store(rep_of(now + std::min(quota.tokens->until_full, most)), relaxed);
}

void TargetHealth::prove(unsigned operation) {
  auto& word = proven_.at(operation / 64);
  const std::uint64_t bit = std::uint64_t{1} << (operation % 64);
  if ((word.load(relaxed) & bit) == 0) word.fetch_or(bit, relaxed);
}

bool TargetHealth::is_proven(unsigned operation) const {
  return (proven_.at(operation / 64).load(relaxed) >> (operation % 64) & 1) != 0;
}

bool TargetHealth::has_proven_any() const {
  return std::any_of(proven_.begin(), proven_.end(),
                     [](const auto& word) { return word.load(relaxed) != 0; });
}

void TargetHealth::came_back(Clock::time_point now) {
  back_since_.store(rep_of(now), relaxed);
}

double TargetHealth::score() const {
  const double under_way =
      static_cast<double>(std::max<std::int64_t>(outstanding_.load(relaxed), 0));
  return std::max(first_token_.value(), 0.001) * (1.0 + under_way / 1000.0);
}

double TargetHealth::share(Clock::time_point now, milliseconds slow_start) const {
  const auto since = back_since_.load(relaxed);
  if (since == 0 || slow_start <= 0ms) return 1.0;
  const double passed = std::chrono::duration<double>(now - time_of(since)) /
                        std::chrono::duration<double>(slow_start);
  return std::clamp(least_share + (1.0 - least_share) * passed, least_share, 1.0);
}

TargetHealthPtr Directory::target(const std::string& provider, const std::string& name) {
  const std::lock_guard lock(mutex_);
  auto& entry = providers_[provider];
  if (!entry) entry = std::make_shared<ProviderHealth>();
  auto& target = targets_[provider + "\n" + name];
  if (!target) target = std::make_shared<TargetHealth>(name, entry);
  return target;
}

const HealthConfig& Directory::keep(const HealthConfig& rules) {
  const std::lock_guard lock(mutex_);
  return rules_.emplace_back(rules);
}

void Directory::forgive_credentials() {
  const std::lock_guard lock(mutex_);
  for (auto& [name, provider] : providers_) provider->avoid_until_.store(0, relaxed);
}

void Directory::each(const std::function<void(const TargetHealth&)>& visit) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, target] : targets_) visit(*target);
}

}  // namespace hawser::health
