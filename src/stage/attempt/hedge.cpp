#include "stage/attempt/hedge.hpp"

#include <algorithm>
#include <string>

#include "base/json.hpp"
#include "base/json_scan.hpp"

namespace hawser::stage::attempt {

using net::IoStatus;

namespace {

/// Names and words of a request that is kept, runs on by itself, or makes its provider act: members
/// of it, and the kinds of tools by their beginning. Wherever they stand: a text that has nothing
/// but such a word costs a hedge and no more.
class Marks {
 public:
  bool found = false;

  bool name(const JsonToken& token, unsigned) { return look(token); }
  bool string(const JsonToken& token, unsigned) { return look(token); }
  bool scalar(const JsonToken&, unsigned) { return true; }
  bool open(char, unsigned, std::size_t) { return true; }
  bool close(char, unsigned, std::size_t) { return true; }

 private:
  bool look(const JsonToken& token) {
    constexpr std::string_view whole[] = {"store",        "background", "previous_response_id",
                                          "conversation", "mcp",        "mcp_servers",
                                          "container"};
    constexpr std::string_view begun[] = {"web_search",   "code_interpreter", "file_search",
                                          "computer_use", "image_generation", "code_execution"};
    std::string_view text = token.inner();
    if (token.escaped) {
      found = found || !decode_json_string(token.text, decoded_);
      text = decoded_;
    }
    const auto is = [text](std::string_view mark) { return text == mark; };
    const auto begins = [text](std::string_view mark) { return text.starts_with(mark); };
    found = found || std::any_of(std::begin(whole), std::end(whole), is) ||
            std::any_of(std::begin(begun), std::end(begun), begins);
    return !found;
  }

  std::string decoded_;
};

bool leaves_something(std::string_view body) {
  Marks marks;
  return scan_json(body, marks) != JsonFault::none || marks.found;
}

}  // namespace

bool may_hedge(const exchange::Request& request) {
  return request.endpoint.traits().generates && request.stream == nullptr && request.json &&
         !request.facts.stores && !request.facts.background && !leaves_something(request.body);
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
  from_ = walk_.at();
  walk_.leave();
  const std::uint32_t attempt = first_.attempt + 1;
  if (walk_.choose(Clock::now()).what != health::Choice::What::take ||
      !room_(walk_.target(), attempt)) {
    return walk_.stay(from_);
  }
  second_.one.target = &walk_.target();
  second_.one.health = walk_.health();
  second_.load = walk_.begin();
  second_.attempt = attempt;
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
    // The client is gone: the first request knows, the second one is told.
    const bool gone = request_.cancellation().cancelled();
    if (first_.done && gone) second_ends_.cancel();
    std::optional<net::Cancellation::Binding> bound;
    if (first_.done && !gone) bound.emplace(request_.cancellation(), wake_);
    if (!over(second_) || !over(first_)) co_await wake_.wait(Clock::time_point::max());
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
    out.lost = Hedged::Lost{loser.attempt, code, not_charged(loser.tried.failure)};
    if (!loser.answers()) walk_.failed(*loser.one.target, loser.tried.failure, Clock::now());
    if (!winner.answers()) walk_.stay(from_);
  }
  if (&winner == &second_) tries_.counts.shard->add(tries_.counts.hedges_won);
  out.one = std::move(winner.one);
  out.attempt = winner.attempt;
  out.load = std::move(winner.load);
  out.tried = std::move(winner.tried);
  return out;
}

}  // namespace hawser::stage::attempt
