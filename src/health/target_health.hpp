#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "health/breaker.hpp"
#include "health/latency.hpp"
#include "health/quota.hpp"

namespace hawser::health {

/// What is known of one provider entry: one credential at one address. Its models share it.
struct ProviderHealth {
  Breaker breaker{};                        // connections and handshakes
  std::atomic<Clock::rep> avoid_until_{0};  // the credential was refused, or has no quota
};

/// How fit a target is for the next request.
struct Condition {
  enum class State : std::uint8_t {
    warm,
    avoided,  // it failed: asked only where no other one is warm
    cold,     // it named a time: asked by nobody before
  };
  State state = State::warm;
  Clock::time_point until{};  // of one that is not warm
  const char* why = "";       // "breaker", "rate_limit", "quota", "credential", "connection"
};

/// Why a try came to nothing, by its scope: a penalty goes no further than there is evidence for.
enum class Fault : std::uint8_t {
  none,        // of the request: 400, 413, a filter
  target,      // 5xx, a stall, a late first token, no such model
  limited,     // 429: this model under this credential
  credential,  // 401, 402, insufficient_quota: all models of this provider entry
  connection,  // nothing got through to it at all
};

/// What is known of one model at one provider entry. Shared by all workers, without a lock;
/// outlives reloads. The caller says what time it is.
class TargetHealth {
 public:
  TargetHealth(std::string name, std::shared_ptr<ProviderHealth> provider)
      : name_(std::move(name)), provider_(std::move(provider)) {}

  const std::string& name() const { return name_; }
  /// @param tokens  that the request is likely to take
  Condition condition(Clock::time_point now, std::uint64_t tokens) const;
  /// Whether a request may go there now; lets one through where a breaker's pause is over.
  bool admit(Clock::time_point now, const HealthConfig& config);

  /// A request is on its way, or over.
  void began(std::uint64_t tokens);
  void ended(std::uint64_t tokens);
  void answered(Clock::duration first_token, Clock::time_point now);
  /// @param wait  as the provider asked; no longer than the configuration allows counts
  /// @return whether a breaker was opened by it
  bool failed(Fault fault, std::optional<milliseconds> wait, Clock::time_point now,
              const HealthConfig& config);
  /// What began took nothing: the provider refused it.
  void took_nothing(std::uint64_t tokens);
  void told(const Quota& quota, Clock::time_point now, const HealthConfig& config);

  /// Lower is better: time to first token, times what is under way there.
  double score() const;
  /// Of its full share, 0.2 to 1: less for a while after it came back.
  double share(Clock::time_point now, milliseconds slow_start) const;
  double first_token_ms() const { return first_token_.value(); }
  /// What 95 of 100 answers begin within, in milliseconds; 0: nothing was seen yet.
  double usual_first_token_ms() const { return usual_.value(); }
  std::int64_t outstanding_tokens() const { return outstanding_.load(std::memory_order_relaxed); }

  /// It has answered calls of that operation. What it says of one that it never answered tells of
  /// the call, and not of the target: others are not to pay for it.
  void prove(unsigned operation);
  bool is_proven(unsigned operation) const;
  bool has_proven_any() const;

 private:
  void came_back(Clock::time_point now);

  std::string name_;
  std::shared_ptr<ProviderHealth> provider_;
  Breaker breaker_{};
  PeakAverage first_token_{};
  UpperBound usual_{};
  std::atomic<std::int64_t> outstanding_{0};
  std::atomic<Clock::rep> cold_until_{0};
  std::atomic<bool> was_cold_{false};
  std::atomic<std::int64_t> tokens_left_{0};  // until tokens_known_until_
  std::atomic<Clock::rep> tokens_known_until_{0};
  std::atomic<Clock::rep> back_since_{0};
  std::array<std::atomic<std::uint64_t>, 4> proven_{};  // a bit an operation
};
using TargetHealthPtr = std::shared_ptr<TargetHealth>;

/// All targets of the process, by name. Used when a configuration is compiled and by who looks.
class Directory {
 public:
  /// The same names give the same again. @param provider  its entry and whose credential it uses
  TargetHealthPtr target(const std::string& provider, const std::string& name);
  /// The rules of a configuration, for as long as the process lives: answers under way look at
  /// them.
  const HealthConfig& keep(const HealthConfig& rules);
  /// Credentials are tried anew: the configuration may have another one.
  void forgive_credentials();
  void each(const std::function<void(const TargetHealth&)>& visit) const;

 private:
  mutable std::mutex mutex_;
  std::list<HealthConfig> rules_;
  std::map<std::string, std::shared_ptr<ProviderHealth>> providers_;
  std::map<std::string, TargetHealthPtr> targets_;
};

}  // namespace hawser::health
