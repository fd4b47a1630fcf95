#include "stage/attempt/walk.hpp"

#include <algorithm>
#include <array>

namespace hawser::stage::attempt {

static_assert(dialect::operations_count <= 256);

namespace {

using exchange::Candidates;
using health::Choice;
using health::Condition;
using health::Fault;
using health::Option;

constexpr std::uint64_t bytes_a_token = 4;
constexpr std::uint32_t usual_output = 512;

/// What the request is likely to take, input and output.
std::uint32_t likely_tokens(const exchange::Request& request) {
  const std::uint64_t input = request.content_length / bytes_a_token;
  const std::uint32_t output = request.facts.output_max > 0
                                   ? std::min(request.facts.output_max, usual_output)
                                   : usual_output;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(input + output, 1u << 30));
}

}  // namespace

Fault fault_of(const Failure& failure, bool asks_model) {
  if (failure.code == Code::cancelled || failure.reached == Reached::unprocessed)
    return Fault::none;
  if (failure.reached == Reached::not_connected) return Fault::connection;
  if (failure.out_of_quota) return Fault::credential;
  switch (failure.status) {
    case 401:
    case 402:
      return Fault::credential;
    case 403:
    case 404:  // of a model; else of what the path names
      return asks_model ? Fault::target : Fault::none;
    case 429:
    case 503:
    case 529:
      return Fault::limited;
    case 408:
      return Fault::target;
    default:
      return failure.status >= 400 && failure.status < 500 ? Fault::none : Fault::target;
  }
}

Walk::Walk(const exchange::Candidates& candidates, const exchange::Request& request,
           const health::HealthConfig& rules, std::minstd_rand& random)
    : candidates_(candidates),
      rules_(rules),
      random_(random),
      asks_model_(request.facts.has_model),
      operation_(static_cast<std::uint8_t>(request.endpoint.operation())),
      generates_(dialect::format_of(request.endpoint) != dialect::AnswerFormat::other) {
  if (several()) tokens_ = likely_tokens(request);
}

Option Walk::option(std::size_t at, Clock::time_point now) const {
  const auto& target = candidates_[at];
  Option option;
  option.tried = (tried_ >> at & 1) != 0;
  option.group = static_cast<std::uint8_t>(candidates_.group(at));
  option.condition = target.health->condition(now, tokens_);
  option.score = target.health->score();
  option.share = target.health->share(now, rules_.slow_start);
  return option;
}

Choice Walk::choose(Clock::time_point now, Last last) {
  if (!several()) return {Choice::What::take, 0, {}};
  const std::size_t count = std::min(candidates_.size(), Candidates::chosen_max);
  std::array<Option, Candidates::chosen_max> options;
  for (std::size_t at = 0; at < count; ++at) options[at] = option(at, now);
  std::uniform_real_distribution<double> draw(0, 1);
  for (;;) {
    const double random[3] = {draw(random_), draw(random_), draw(random_)};
    Choice choice = health::choose(std::span(options).first(count), random);
    if (choice.what == Choice::What::wait && last == Last::resort) choice.what = Choice::What::take;
    if (choice.what != Choice::What::take) return choice;
    auto& condition = options[choice.option].condition;
    const bool warm = condition.state == Condition::State::warm;
    if (warm && !candidates_[choice.option].health->admit(now, rules_)) {
      condition = {Condition::State::avoided, now, "breaker"};  // somebody else tries it right now
      continue;
    }
    at_ = choice.option;
    return choice;
  }
}

bool Walk::has_next(Clock::time_point now, Last last) const {
  for (std::size_t at = 0; at < candidates_.size(); ++at) {
    if (at == at_ || (tried_ >> at & 1) != 0) continue;
    if (last == Last::resort) return true;
    const auto* health = candidates_[at].health;
    if (health->condition(now, tokens_).state != Condition::State::cold) return true;
  }
  return false;
}

health::Load Walk::begin() {
  if (!several()) return {};
  return health::Load(*target().health, rules_, tokens_);
}

void Walk::answered(const exchange::Target& target, Clock::duration first_token,
                    Clock::time_point now) const {
  if (!several()) return;
  target.health->prove(operation_);
  target.health->answered(first_token, now);
}

/// Of a call that the target never answered before, only that nobody is there says something of
/// it: else one client's odd calls would take it from all others.
bool Walk::tells_of_target(const health::TargetHealth& health, Fault fault) const {
  if (fault == Fault::connection || health.is_proven(operation_)) return true;
  return generates_ && !health.has_proven_any();
}

bool Walk::failed(const exchange::Target& target, const Failure& failure,
                  Clock::time_point now) const {
  if (!several()) return false;
  const bool refused = failure.status >= 400 && failure.status < 500;
  const bool nothing = refused || failure.reached == Reached::not_connected;
  // What the provider said is left counts this request as it was.
  if (nothing && !failure.quota_told) target.health->took_nothing(tokens_);
  const Fault fault = fault_of(failure, asks_model_);
  if (!tells_of_target(*target.health, fault)) return false;
  return target.health->failed(fault, failure.retry_after, now, rules_);
}

std::optional<milliseconds> Walk::hedge_after() const {
  const auto* hedge = candidates_.hedge();
  if (hedge == nullptr || !several()) return std::nullopt;
  const milliseconds usual(static_cast<milliseconds::rep>(target().health->usual_first_token_ms()));
  return std::max(hedge->after, usual);
}

}  // namespace hawser::stage::attempt
