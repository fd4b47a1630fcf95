#include "stage/attempt/decide.hpp"

#include <algorithm>

namespace hawser::stage::attempt {
namespace {

// Of requests that provably did not run. A provider that goes on refusing is one that cannot be
// reached.
constexpr std::uint32_t free_tries_max = 16;
constexpr std::uint32_t free_tries_at_once = 6;

/// Full jitter: anywhere from nothing to base x 2^n.
milliseconds backoff(std::uint32_t nth, const Situation& now, const RetryConfig& config) {
  const auto doublings = std::min<std::uint32_t>(nth, 16);
  const auto ceiling = std::min(config.backoff_base * (1 << doublings), config.backoff_max);
  return milliseconds(
      static_cast<milliseconds::rep>(now.random * static_cast<double>(ceiling.count())));
}

/// Faults of the request itself: no other target would answer better.
bool clients_fault(int status) {
  switch (status) {
    case 400:
    case 405:
    case 406:
    case 409:
    case 410:
    case 411:
    case 413:
    case 414:
    case 415:
    case 416:
    case 417:
    case 422:
    case 428:
    case 431:
    case 451:
    case 508:  // it goes in a circle of gateways
      return true;
    default:
      return false;
  }
}

/// Faults of our credential or of what this deployment serves: another target may know better.
bool targets_fault(int status) {
  return status == 401 || status == 402 || status == 403 || status == 404;
}

/// The provider says of itself that it did not run the request.
bool shed(int status) {
  return status == 429 || status == 503 || status == 529;
}

/// Whoever says that waited for one who may still be at work, and who charges for it.
bool of_a_proxy(int status) {
  return status == 504 || status == 524;
}

}  // namespace

std::optional<exchange::NotCharged> not_charged(const Failure& failure) {
  using Proof = exchange::NotCharged::Proof;
  if (failure.reached == Reached::content_out) return std::nullopt;
  if (failure.reached == Reached::not_connected) return exchange::NotCharged(Proof::not_connected);
  if (failure.reached == Reached::unprocessed) return exchange::NotCharged(Proof::not_read);
  if (failure.not_sent_whole) return exchange::NotCharged(Proof::not_sent_whole);
  const bool refused = failure.refused || failure.status >= 400;
  if (refused && !of_a_proxy(failure.status)) return exchange::NotCharged(Proof::refused);
  return std::nullopt;
}

Step decide(const Failure& failure, const Situation& now, const RetryConfig& config) {
  const bool out_of_attempts = now.attempts >= config.attempts_max;
  if (failure.reached == Reached::content_out || failure.code == Code::cancelled) return GiveUp{};
  if (!now.replayable && failure.reached != Reached::not_connected) return GiveUp{};
  const bool unprocessed = failure.reached == Reached::unprocessed;
  if (unprocessed && now.free_tries < free_tries_at_once) return TrySame{.free = true};
  if (unprocessed && now.free_tries < free_tries_max) {
    return TrySame{.wait = backoff(now.free_tries - free_tries_at_once, now, config), .free = true};
  }
  if (failure.kept_ended && !now.kept_ended_before && !out_of_attempts && now.budget_allows) {
    const bool again = config.kept_connection == KeptConnection::again;
    const bool safe = config.kept_connection == KeptConnection::safe && now.idempotent;
    if (again || safe) return TrySame{.fresh = true};
  }
  // Its answer is under way there or was never begun: a further try attaches to it.
  if (now.link_wait && *now.link_wait < now.time_left && !now.has_next_target) {
    return TrySame{.wait = *now.link_wait, .free = true};
  }
  if (clients_fault(failure.status)) return GiveUp{};
  if (failure.should_retry == false && !now.has_next_target) return GiveUp{};

  const bool worth_another = now.has_next_target;
  const bool asked = shed(failure.status) || failure.should_retry == true;
  const bool not_run = unprocessed || failure.reached == Reached::not_connected;
  const bool safe = not_run || now.idempotent || asked;
  const bool same_may_help = safe && !failure.out_of_quota && !targets_fault(failure.status);
  if (!worth_another && !same_may_help) return GiveUp{};
  if (out_of_attempts || !now.budget_allows) return GiveUp{.retries_spent = true};
  if (worth_another) return TryNext{};
  if (now.attempts_at_target >= config.attempts_per_target_max) {
    return GiveUp{.retries_spent = true};
  }
  const milliseconds wait = failure.retry_after.value_or(backoff(now.attempts - 1, now, config));
  if (wait > config.wait_max || wait >= now.time_left) return GiveUp{.retries_spent = true};
  return TrySame{.wait = wait};
}

}  // namespace hawser::stage::attempt
