#include "stage/attempt/attempt.hpp"

#include "stage/attempt/link.hpp"
#include "stage/attempt/reattachment.hpp"
#include "stage/attempt/second_call.hpp"

namespace hawser::stage::attempt {

using exchange::Answer;
using exchange::Exchange;
using exchange::Target;
using net::IoStatus;

namespace {

bool idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
         method == "OPTIONS";
}

}  // namespace

Attempt::Attempt(std::vector<Upstream> upstreams, const RetryConfig& retry,
                 const TimeoutConfig& timeouts, net::Reactor& reactor, net::WorkerBytes& bytes,
                 AttemptCounts counts, const health::HealthConfig& health)
    : retry_(retry),
      reactor_(reactor),
      bytes_(bytes),
      tries_(std::make_shared<Tries>(std::move(upstreams), retry, timeouts, health, reactor, bytes,
                                     counts)),
      health_(health) {}

Task<Answer> Attempt::run(Exchange& exchange, exchange::Next) {
  const AttemptRequest request(exchange);
  tries_->budget.earn(exchange.arrived);
  Walk walk(exchange.candidates, exchange.request, health_, random_);
  const Way way{exchange, request, walk};
  if (walk.choose(Clock::now()).what != health::Choice::What::take) {
    const auto found = co_await find_target(request, walk);
    if (!found) co_return found.error();
  }
  // Room was taken at one of them, which may be none of the candidates any more.
  const bool elsewhere = exchange.reservation && exchange.reservation->taken_at() != &walk.target();
  if (elsewhere && !exchange.reservation->moves_to(exchange, walk.target()) &&
      !move_on(way, Walk::Last::none)) {
    if (exchange.reservation->taken_at() != &exchange.candidates.front()) {
      co_return Error{
          .code = Code::rate_limit,
          .message = "The limits of the model's targets have no room for this request."};
    }
    walk.stay(0);
  }
  std::uint32_t at_target = 0, free_tries = 0;
  bool kept_ended = false, fresh_connection = false;
  bool runs_on = false;  // the call before may run still, and the next try attaches to it
  LinkRetry link(tries_->reattach_for());
  for (;;) {
    exchange.trail.target = &walk.target();
    ++exchange.trail.attempts;
    ++at_target;
    if (exchange.reservation) exchange.reservation->begins(walk.target(), exchange.trail.attempts);
    Hedged asked = co_await ask(way, fresh_connection);
    const Failure& failure = asked.tried.failure;
    if (asked.tried.answer && failure.reached == Reached::content_out) {
      co_return answers(way, std::move(asked));
    }
    if (walk.failed(*asked.one.target, failure, Clock::now())) {
      tries_->counts.shard->add(tries_->counts.breakers_opened);
    }
    const auto last = failure.status == 429 ? Walk::Last::none : Walk::Last::resort;
    Situation now = situation(way, at_target);
    now.has_next_target = walk.has_next(Clock::now(), last);
    now.free_tries = free_tries;
    now.kept_ended_before = std::exchange(kept_ended, kept_ended || failure.kept_ended);
    // Another gateway knows a request that is repeated; what it answered it has tried itself.
    if (failure.status == 0 && tries_->provider_of(*asked.one.target).gateway()) {
      now.idempotent = true;
      if (failure.code == Code::connection || failure.reached == Reached::not_connected) {
        now.link_wait =
            link.next(tries_->link_to(*asked.one.target), Clock::now(), tries_->chance());
      }
    }
    Step step = decide(failure, now, retry_);
    // Another gateway keeps what it was asked: a repetition is the same call there.
    const bool kept = failure.status == 0 && tries_->provider_of(*asked.one.target).gateway();
    const auto proof = runs_on && failure.status == 0 ? std::nullopt : not_charged(failure);
    const auto* again = std::get_if<TrySame>(&step);
    runs_on = again != nullptr && !proof && (again->free || kept);
    if (exchange.reservation && !runs_on) {
      exchange.reservation->failed(asked.attempt, failure.code, proof);
    }
    if (std::holds_alternative<TryNext>(step) && !move_on(way, last)) {
      now.has_next_target = false;
      step = decide(failure, now, retry_);
    }
    if (const auto* how = std::get_if<GiveUp>(&step)) {
      co_return give_up(exchange, std::move(asked.tried), *how);
    }
    if (const auto* same = std::get_if<TrySame>(&step)) {
      fresh_connection = same->fresh;
      if (same->free) {
        --exchange.trail.attempts;
        --at_target;
        ++free_tries;
        if (same->wait > 0ms && !co_await pause(exchange.cancellation, same->wait)) {
          co_return Error{.code = Code::cancelled, .message = "cancelled"};
        }
        continue;
      }
      tries_->counts.shard->add(tries_->counts.retries);
      tries_->budget.spend(Clock::now());
      if (!co_await pause(exchange.cancellation, same->wait))
        co_return Error{.code = Code::cancelled, .message = "cancelled"};
      if (exchange.reservation && !exchange.reservation->moves_to(exchange, walk.target())) {
        co_return give_up(exchange, std::move(asked.tried), GiveUp{.retries_spent = true});
      }
    } else {
      fresh_connection = false;
      tries_->counts.shard->add(tries_->counts.fallbacks);
      tries_->budget.spend(Clock::now());
      at_target = 0;
    }
  }
}

/// All targets named a time to come back: waits for the first of them. Errors: rate_limit, where
/// that is too long; cancelled
Task<Result<>> Attempt::find_target(const AttemptRequest& request, Walk& walk) {
  for (;;) {
    const auto now = Clock::now();
    const auto choice = walk.choose(now);
    if (choice.what == health::Choice::What::take) co_return Result<>();
    const auto wait = std::chrono::ceil<milliseconds>(choice.until - now);
    const auto left = std::chrono::duration_cast<milliseconds>(answer_by(request, walk) - now);
    if (wait > health_.wait_max || wait >= left) {
      co_return Error{.code = Code::rate_limit,
                      .message = "All targets of the model are at their providers' limits.",
                      .retry_after = wait};
    }
    // Those who wait for the same target do not come back in the same moment.
    const auto apart = std::uniform_int_distribution<int>(0, 50)(random_);
    if (!co_await pause(request.cancellation(), wait + milliseconds(apart))) {
      co_return Error{.code = Code::cancelled, .message = "cancelled"};
    }
  }
}

/// When a second target is asked beside the first; nothing: it is not.
std::optional<milliseconds> Attempt::hedge_after(const Way& way) {
  const auto* hedge = way.exchange.candidates.hedge();
  if (hedge == nullptr || !way.walk.several()) return std::nullopt;
  if (way.exchange.trail.attempts == 1) hedges_.earn(hedge->percent);
  if (!may_hedge(way.request.message())) return std::nullopt;
  return way.walk.hedge_after();
}

/// One try, or two at once. What is known of the exchange then is what came of it.
Task<Hedged> Attempt::ask(const Way& way, bool fresh_connection) {
  Exchange& exchange = way.exchange;
  Try first;
  first.target = &way.walk.target();
  first.health = way.walk.health();
  first.fresh_connection = fresh_connection;
  Hedged asked;
  if (const auto after = hedge_after(way)) {
    Race race(*tries_, way.request, way.walk, [&exchange](const Target& target, auto attempt) {
      auto* const held = exchange.reservation.get();
      return held == nullptr || held->begins_beside(exchange, target, attempt);
    });
    asked = co_await race.run(std::move(first), exchange.trail.attempts, *after, hedges_);
  } else {
    asked.one = std::move(first);
    asked.attempt = exchange.trail.attempts;
    asked.load = way.walk.begin();
    asked.tried = co_await tries_->once(way.request, asked.one);
  }
  exchange.trail.upstream += asked.one.waited;
  if (!asked.lost) co_return asked;
  ++exchange.trail.attempts;
  if (!exchange.reservation) co_return asked;
  exchange.reservation->failed(asked.lost->attempt, asked.lost->code, asked.lost->proof);
  const bool second = asked.attempt > asked.lost->attempt;
  if (second) exchange.reservation->moves_to(exchange, *asked.one.target);
  co_return asked;
}

/// The target begins to answer: what was taken of the limits is its content's from here on.
Answer Attempt::answers(const Way& way, Hedged asked) const {
  Exchange& exchange = way.exchange;
  const Target& target = *asked.one.target;
  exchange.trail.target = &target;
  way.walk.answered(target, Clock::now() - asked.one.sent, Clock::now());
  prepare_continuation(way.request, target, asked.tried);
  asked.tried.content->be_cancelled_by(exchange.cancellation);
  asked.tried.content->count_as(std::move(asked.load));
  if (exchange.notes) {
    exchange.reservation = exchange::note_usage(exchange.notes, std::move(exchange.reservation));
  }
  if (exchange.reservation) {
    exchange.reservation->answers(asked.attempt);
    asked.tried.content->hold(std::move(exchange.reservation));
  }
  return std::move(asked.tried.answer);
}

/// A chat that breaks in mid-stream may be taken up by a second call.
void Attempt::prepare_continuation(const AttemptRequest& request, const Target& target,
                                   const Tried& tried) const {
  if (tried.stream != nullptr && !tried.generation.empty() && retry_.reattach_for > 0ms) {
    tried.stream->continue_by(
        std::make_unique<Reattachment>(tries_, request, target, tried.generation, tried.silence));
    return;
  }
  const auto& message = request.message();
  const bool chat = message.endpoint.api == dialect::Api::chat && message.stream == nullptr;
  if (!retry_.continuation || !chat || tried.stream == nullptr) return;
  const auto& principal = request.decision().principal();
  auto lease = bytes_.lease(net::MemoryKind::copy, principal.tenant, principal.key);
  if (!lease.try_grow(message.body.size())) return;
  tried.stream->continue_by(
      std::make_unique<SecondCall>(tries_, request, target, std::move(lease)));
}

/// Chooses the next target whose own limits have room, which is taken. False: there is none, and
/// nothing is chosen.
bool Attempt::move_on(const Way& way, Walk::Last last) {
  const auto& [exchange, request, walk] = way;
  const std::size_t from = walk.at();
  walk.leave();
  while (walk.has_next(Clock::now(), last) &&
         walk.choose(Clock::now(), last).what == health::Choice::What::take) {
    if (!exchange.reservation || exchange.reservation->moves_to(exchange, walk.target())) {
      return true;
    }
    walk.leave();
  }
  walk.stay(from);
  return false;
}

Clock::time_point Attempt::answer_by(const AttemptRequest& request, const Walk& walk) const {
  const auto total = tries_->deadlines(request, walk.target()).of(DeadlineKind::total);
  return std::min(total.behind(request.arrived()), request.latest());
}

Situation Attempt::situation(const Way& way, std::uint32_t at_target) {
  const Exchange& exchange = way.exchange;
  const auto now = Clock::now();
  Situation situation;
  // The client's SDK retries too: what it already spent is not ours to spend again.
  const auto* retried = exchange.request.head->find("x-stainless-retry-count");
  const bool client_retries = retried != nullptr && retried->value != "0";
  situation.attempts = exchange.trail.attempts + (client_retries ? 1 : 0);
  situation.attempts_at_target = at_target;
  situation.budget_allows = tries_->budget.available(now);
  situation.idempotent = idempotent(exchange.request.head->method);
  situation.replayable = exchange.request.stream == nullptr;
  const auto left = answer_by(way.request, way.walk) - now;
  situation.time_left = std::chrono::duration_cast<milliseconds>(left);
  situation.random = std::uniform_real_distribution<double>(0, 1)(random_);
  return situation;
}

Answer Attempt::give_up(Exchange& exchange, Tried tried, GiveUp how) const {
  if (!tried.answer) {
    if (how.retries_spent) tried.error.client_may_retry = false;
    return tried.error;
  }
  // The provider's own error says it best; only whether to retry is ours to add.
  // The SDKs repeat a 408 and a 409 blindly, which nobody asked for.
  const bool blind = tried.failure.status == 408 || tried.failure.status == 409;
  if ((how.retries_spent || blind) && !tried.failure.should_retry) {
    tried.answer->head().fields.append("x-should-retry: false\r\n");
  }
  if (tried.content != nullptr) tried.content->be_cancelled_by(exchange.cancellation);
  exchange.trail.error = tried.failure.code;
  return std::move(tried.answer);
}

Task<bool> Attempt::pause(net::Cancellation& cancellation, milliseconds wait) {
  if (wait <= 0ms) co_return !cancellation.cancelled();
  net::Waiter sleep(reactor_);
  const net::Cancellation::Binding bound(cancellation, sleep);
  const IoStatus status = co_await sleep.wait(Clock::now() + wait);
  co_return status == IoStatus::timeout;
}

}  // namespace hawser::stage::attempt
