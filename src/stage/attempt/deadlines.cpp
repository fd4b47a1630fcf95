#include "stage/attempt/deadlines.hpp"

#include <array>

#include "config/scalar.hpp"

namespace hawser::stage::attempt {
namespace {

struct Words {
  const char* key;
  const char* happened;
};

constexpr std::array<Words, 6> words{{
    {"first_token", "The provider sent no first token"},
    {"plain_answer", "The provider did not begin its answer"},
    {"stall", "The provider fell silent: it sent nothing"},
    {"total", "The answer was not whole"},
    {"stream_total", "The stream was not over"},
    {"stall", "The provider did not take the request"},
}};
constexpr std::array<const char*, 4> places{"timeouts", "timeouts.operations of the operation",
                                            "timeouts of the provider", "timeouts of the model"};

milliseconds general(const TimeoutConfig& config, DeadlineKind kind) {
  switch (kind) {
    case DeadlineKind::first_token:
      return config.first_token;
    case DeadlineKind::plain_answer:
      return config.plain_answer;
    case DeadlineKind::stall:
    case DeadlineKind::sending:
      return config.stall;
    case DeadlineKind::total:
      return config.total;
    case DeadlineKind::stream_total:
      return config.stream_total;
  }
  return config.total;
}

milliseconds particular(const policy::Timeouts& set, DeadlineKind kind) {
  switch (kind) {
    case DeadlineKind::first_token:
      return set.first_token;
    case DeadlineKind::plain_answer:
      return set.plain_answer;
    case DeadlineKind::stall:
    case DeadlineKind::sending:
      return set.stall;
    case DeadlineKind::total:
      return set.total;
    case DeadlineKind::stream_total:
      return set.stream_total;
  }
  return set.total;
}

}  // namespace

Error Deadline::error() const {
  const Words& told = words[static_cast<std::size_t>(kind)];
  return {.code = Code::timeout,
          .message = std::string(told.happened) + " within " + config::to_text(after) + " (" +
                     told.key + " of the gateway's " + places[static_cast<std::size_t>(owner)] +
                     ")."};
}

Deadline Deadlines::of(DeadlineKind kind) const {
  const std::pair<const policy::Timeouts*, DeadlineOwner> sets[] = {
      {from_.model, DeadlineOwner::model},
      {from_.provider, DeadlineOwner::provider},
      {from_.operation, DeadlineOwner::operation}};
  for (const auto& [set, owner] : sets) {
    if (set == nullptr) continue;
    if (const auto after = particular(*set, kind); after > 0ms)
      return {shortened(after), kind, owner};
  }
  return {shortened(general(from_.general, kind)), kind, DeadlineOwner::general};
}

}  // namespace hawser::stage::attempt
