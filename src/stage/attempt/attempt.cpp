#include "stage/attempt/attempt.hpp"

#include "base/reconnect_backoff.hpp"
#include "stage/attempt/ask_for_usage.hpp"
#include "stage/attempt/reattachment.hpp"
#include "stage/attempt/second_call.hpp"

namespace hawser::stage::attempt {

using exchange::Answer;
using exchange::Exchange;
using exchange::Target;
using net::IoStatus;

namespace {

/// The path to another gateway, while no answer comes by it.
class BrokenLink {
 public:
  /// The wait before the next try; nothing: it was tried for long enough.
  std::optional<milliseconds> wait(Tries& tries) {
    const auto now = Clock::now();
    if (!broke_at_) broke_at_ = now;
    if (now - *broke_at_ >= tries.reattach_for()) return std::nullopt;
    return backoff_.next(tries.chance());
  }

 private:
  ReconnectBackoff backoff_;
  std::optional<Clock::time_point> broke_at_{};
};

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
      tries_(
          std::make_shared<Tries>(std::move(upstreams), retry, timeouts, health, reactor, counts)),
      health_(health) {}

Task<Answer> Attempt::run(Exchange& exchange, exchange::Next) {
  BOOST_ASSERT(!exchange.candidates.empty());  // route refuses an exchange without targets
  tries_->budget.earn(exchange.arrived);
  if (exchange.reservation) ask_for_usage(exchange.request);
  Walk walk(exchange, health_, random_);
  if (walk.choose(Clock::now()).what != health::Choice::What::take) {
    const auto found = co_await find_target(exchange, walk);
    if (!found) co_return found.error();
  }
  // Room was taken at the first of the candidates.
  const bool elsewhere = walk.at() != 0 && exchange.reservation;
  if (elsewhere && !exchange.reservation->moves_to(exchange, walk.target()) &&
      !move_on(exchange, walk, Walk::Last::none)) {
    walk.stay(0);
  }
  std::uint32_t at_target = 0, free_tries = 0;
  bool kept_ended = false;
  BrokenLink link;
  for (;;) {
    exchange.trail.target = &walk.target();
    ++exchange.trail.attempts;
    ++at_target;
    if (exchange.reservation) exchange.reservation->begins(walk.target(), exchange.trail.attempts);
    Hedged asked = co_await ask(exchange, walk);
    const Failure& failure = asked.tried.failure;
    if (asked.tried.answer && failure.reached == Reached::content_out) {
      co_return answers(exchange, walk, std::move(asked));
    }
    if (walk.failed(*asked.target, failure, Clock::now())) {
      tries_->counts.shard->add(tries_->counts.breakers_opened);
    }
    const auto last = failure.status == 429 ? Walk::Last::none : Walk::Last::resort;
    Situation now = situation(exchange, walk, at_target);
    now.has_next_target = walk.has_next(Clock::now(), last);
    now.free_tries = free_tries;
    now.kept_ended_before = std::exchange(kept_ended, kept_ended || failure.kept_ended);
    // Another gateway knows a request that is repeated; what it answered it has tried itself.
    if (failure.status == 0 && tries_->provider_of(*asked.target).gateway()) {
      now.idempotent = true;
      if (failure.code == Code::connection || failure.reached == Reached::not_connected) {
        now.link_wait = link.wait(*tries_);
      }
    }
    Step step = decide(failure, now, retry_);
    const auto proof = not_charged(failure);
    const auto* again = std::get_if<TrySame>(&step);
    // Without a proof it goes on there, and the next try attaches to it: the call is the same.
    const bool attaches = again != nullptr && again->free && !proof;
    if (exchange.reservation && !attaches) {
      exchange.reservation->failed(asked.attempt, failure.code, proof);
    }
    if (std::holds_alternative<TryNext>(step) && !move_on(exchange, walk, last)) {
      now.has_next_target = false;
      step = decide(failure, now, retry_);
    }
    if (const auto* how = std::get_if<GiveUp>(&step)) {
      co_return give_up(exchange, std::move(asked.tried), *how);
    }
    if (const auto* same = std::get_if<TrySame>(&step)) {
      exchange.trail.fresh_connection = same->fresh;
      if (same->free) {
        --exchange.trail.attempts;
        --at_target;
        ++free_tries;
        if (same->wait > 0ms && !co_await pause(exchange, same->wait)) {
          co_return Error{.code = Code::cancelled, .message = "cancelled"};
        }
        continue;
      }
      tries_->counts.shard->add(tries_->counts.retries);
      tries_->budget.spend(Clock::now());
      if (!co_await pause(exchange, same->wait))
        co_return Error{.code = Code::cancelled, .message = "cancelled"};
      if (exchange.reservation && !exchange.reservation->moves_to(exchange, walk.target())) {
        co_return give_up(exchange, std::move(asked.tried), GiveUp{.retries_spent = true});
      }
    } else {
      exchange.trail.fresh_connection = false;
      tries_->counts.shard->add(tries_->counts.fallbacks);
      tries_->budget.spend(Clock::now());
      at_target = 0;
    }
  }
}

/// All targets named a time to come back: waits for the first of them. Errors: rate_limit, where
/// that is too long; cancelled
Task<Result<>> Attempt::find_target(Exchange& exchange, Walk& walk) {
  for (;;) {
    const auto now = Clock::now();
    const auto choice = walk.choose(now);
    if (choice.what == health::Choice::What::take) co_return Result<>();
    const auto wait = std::chrono::ceil<milliseconds>(choice.until - now);
    const auto left = std::chrono::duration_cast<milliseconds>(answer_by(exchange, walk) - now);
    if (wait > health_.wait_max || wait >= left) {
      co_return Error{.code = Code::rate_limit,
                      .message = "All targets of the model are at their providers' limits.",
                      .retry_after = wait};
    }
    // Those who wait for the same target do not come back in the same moment.
    const auto apart = std::uniform_int_distribution<int>(0, 50)(random_);
    if (!co_await pause(exchange, wait + milliseconds(apart))) {
      co_return Error{.code = Code::cancelled, .message = "cancelled"};
    }
  }
}

/// One try, or two at once.
Task<Hedged> Attempt::ask(Exchange& exchange, Walk& walk) {
  if (const auto* hedge = exchange.candidates.hedge(); hedge != nullptr && walk.several()) {
    if (exchange.trail.attempts == 1) hedges_.earn(hedge->percent);
    const auto after = walk.hedge_after();
    if (after && may_hedge(exchange)) {
      Race race(*tries_, reactor_, exchange, walk);
      co_return co_await race.run(*after, hedges_);
    }
  }
  Hedged asked;
  asked.target = &walk.target();
  asked.attempt = exchange.trail.attempts;
  asked.load = walk.begin();
  asked.tried = co_await tries_->once(exchange, *asked.target);
  co_return asked;
}

/// The target begins to answer: what was taken of the limits is its content's from here on.
Answer Attempt::answers(Exchange& exchange, Walk& walk, Hedged asked) const {
  const Target& target = *asked.target;
  exchange.trail.target = &target;
  walk.answered(target, Clock::now() - exchange.trail.sent, Clock::now());
  prepare_continuation(exchange, target, asked.tried);
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
void Attempt::prepare_continuation(const Exchange& exchange, const Target& target,
                                   const Tried& tried) const {
  const auto& request = exchange.request;
  if (tried.stream != nullptr && !tried.generation.empty() && retry_.reattach_for > 0ms) {
    tried.stream->continue_by(
        std::make_unique<Reattachment>(tries_, exchange, target, tried.generation, tried.silence));
    return;
  }
  const bool chat = request.endpoint.api == dialect::Api::chat && request.stream == nullptr;
  if (!retry_.continuation || !chat || tried.stream == nullptr) return;
  auto lease =
      bytes_.lease(net::MemoryKind::copy, exchange.principal->tenant, exchange.principal->key);
  if (!lease.try_grow(request.body.size())) return;
  tried.stream->continue_by(
      std::make_unique<SecondCall>(tries_, exchange, target, std::move(lease)));
}

/// Chooses the next target whose own limits have room, which is taken. False: there is none, and
/// nothing is chosen.
bool Attempt::move_on(const Exchange& exchange, Walk& walk, Walk::Last last) {
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

Clock::time_point Attempt::answer_by(const Exchange& exchange, const Walk& walk) const {
  const auto total = tries_->deadlines(exchange, walk.target()).of(DeadlineKind::total);
  return std::min(total.behind(exchange.arrived), exchange.latest);
}

Situation Attempt::situation(const Exchange& exchange, const Walk& walk, std::uint32_t at_target) {
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
  situation.time_left = std::chrono::duration_cast<milliseconds>(answer_by(exchange, walk) - now);
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
  exchange.trail.error = tried.failure.code;
  return std::move(tried.answer);
}

Task<bool> Attempt::pause(Exchange& exchange, milliseconds wait) {
  if (wait <= 0ms) co_return !exchange.cancellation.cancelled();
  net::Waiter sleep(reactor_);
  const net::Cancellation::Binding bound(exchange.cancellation, sleep);
  const IoStatus status = co_await sleep.wait(Clock::now() + wait);
  co_return status == IoStatus::timeout;
}

}  // namespace hawser::stage::attempt
