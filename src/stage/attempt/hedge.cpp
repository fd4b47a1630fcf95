#include "stage/attempt/hedge.hpp"

#include <algorithm>

namespace hawser::stage::attempt {

using net::IoStatus;

namespace {

/// Members whose request is kept, runs on by itself, or acts: true, or a tool of the provider's.
bool leaves_something(std::string_view body) {
  constexpr std::string_view marks[] = {
      "\"store\"",        "\"background\"",  "\"previous_response_id\"",
      "\"conversation\"", "\"web_search",    "\"code_interpreter",
      "\"file_search",    "\"computer_use",  "\"image_generation",
      "\"mcp\"",          "\"code_execution"};
  return std::any_of(std::begin(marks), std::end(marks), [&](std::string_view mark) {
    return body.find(mark) != std::string_view::npos;
  });
}

}  // namespace

bool may_hedge(const exchange::Request& request) {
  return request.endpoint.traits().generates && request.stream == nullptr &&
         !leaves_something(request.body);
}

/// By itself, until it is over; nobody awaits it but through `wake_`.
Detached Race::ask(Side& side, const AttemptRequest& request) {
  side.begun = true;
  side.tried = co_await tries_.once(request, side.one);
  side.done = true;
  wake_.complete(IoStatus::ok);
}

/// Sends a second request on its way, where a target may have one.
void Race::begin_second() {
  walk_.leave();
  if (walk_.choose(Clock::now()).what != health::Choice::What::take) return;
  second_.one.target = &walk_.target();
  second_.one.health = walk_.health();
  second_.load = walk_.begin();
  second_.attempt = first_.attempt + 1;
  again_.emplace(request_, second_ends_);
  tries_.counts.shard->add(tries_.counts.hedges);
  ask(second_, *again_);
}

Task<Hedged> Race::run(Try first, std::uint32_t attempt, milliseconds after, HedgeBudget& budget) {
  first_.one = std::move(first);
  first_.attempt = attempt;
  first_.load = walk_.begin();
  ask(first_, request_);
  if (!first_.done) {
    const IoStatus waited = co_await wake_.wait(Clock::now() + after);
    const bool late = waited == IoStatus::timeout && !first_.done;
    if (late && walk_.has_next(Clock::now()) && budget.spend()) begin_second();
  }
  const auto over = [](const Side& side) { return side.done || !side.begun; };
  while (!first_.answers() && !second_.answers() && !(over(first_) && over(second_))) {
    co_await wake_.wait(Clock::time_point::max());
    // The client is gone: the first request knows, the second one is told.
    if (first_.done && request_.cancellation().cancelled()) second_ends_.cancel();
  }
  const bool second_wins = second_.answers() && !first_.answers();
  if (second_wins && !first_.done) request_.cancellation().interrupt();
  if (!second_wins && second_.begun && !second_.done) second_ends_.cancel();
  while (!over(first_) || !over(second_)) co_await wake_.wait(Clock::time_point::max());
  co_return second_wins ? take(second_, first_) : take(first_, second_);
}

Hedged Race::take(Side& winner, Side& loser) {
  Hedged out;
  if (loser.begun) {
    walk_.leave();  // both were asked
    const Code code = loser.answers() ? Code::cancelled : loser.tried.failure.code;
    out.lost = Hedged::Lost{loser.one.target, loser.attempt, code};
    if (!loser.answers()) walk_.failed(*loser.one.target, loser.tried.failure, Clock::now());
  }
  if (&winner == &second_) tries_.counts.shard->add(tries_.counts.hedges_won);
  out.one = std::move(winner.one);
  out.attempt = winner.attempt;
  out.load = std::move(winner.load);
  out.tried = std::move(winner.tried);
  return out;
}

}  // namespace hawser::stage::attempt
