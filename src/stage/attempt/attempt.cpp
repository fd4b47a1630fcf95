#include "stage/attempt/attempt.hpp"

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
                 const TimeoutConfig& timeouts, net::Reactor& reactor, AttemptCounts counts)
    : retry_(retry),
      total_(timeouts.total),
      reactor_(reactor),
      tries_(std::make_shared<Tries>(std::move(upstreams), retry, timeouts, reactor, counts)) {}

Task<Answer> Attempt::run(Exchange& exchange, exchange::Next) {
  BOOST_ASSERT(!exchange.candidates.empty());  // route refuses an exchange without targets
  tries_->budget.earn(exchange.arrived);
  std::size_t at = 0;
  std::uint32_t at_target = 0, free_tries = 0;
  for (;;) {
    const Target& target = exchange.candidates[at];
    exchange.trail.target = &target;
    ++exchange.trail.attempts;
    ++at_target;
    Tried tried = co_await tries_->once(exchange, target);
    if (tried.answer && tried.failure.reached == Reached::content_out) {
      prepare_continuation(exchange, target, tried);
      if (exchange.reservation) {
        exchange.reservation->answers(target, exchange.trail.attempts);
        tried.content->hold(std::move(exchange.reservation));
      }
      co_return std::move(tried.answer);
    }
    if (exchange.reservation) {
      exchange.reservation->failed(target, exchange.trail.attempts, tried.failure.code);
    }
    Situation now = situation(exchange, at, at_target);
    now.free_tries = free_tries;
    // Another gateway knows a request that is repeated; what it answered it has tried itself.
    if (tried.failure.status == 0 && tries_->provider_of(target).gateway()) now.idempotent = true;
    const Step step = decide(tried.failure, now, retry_);
    if (const auto* how = std::get_if<GiveUp>(&step)) {
      co_return give_up(exchange, std::move(tried), *how);
    }
    if (const auto* same = std::get_if<TrySame>(&step)) {
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
    } else {
      tries_->counts.shard->add(tries_->counts.fallbacks);
      tries_->budget.spend(Clock::now());
      ++at;
      at_target = 0;
    }
  }
}

/// A chat that breaks in mid-stream may be taken up by a second call.
void Attempt::prepare_continuation(const Exchange& exchange, const Target& target,
                                   const Tried& tried) const {
  const auto& request = exchange.request;
  if (tried.stream != nullptr && !tried.generation.empty() && retry_.reattach_for > 0ms) {
    tried.stream->continue_by(
        std::make_unique<Reattachment>(tries_, exchange, target, tried.generation));
    return;
  }
  const bool chat = request.endpoint.api == dialect::Api::chat && request.stream == nullptr;
  if (!retry_.continuation || !chat || tried.stream == nullptr) return;
  tried.stream->continue_by(std::make_unique<SecondCall>(tries_, exchange, target));
}

Situation Attempt::situation(const Exchange& exchange, std::size_t at, std::uint32_t at_target) {
  const auto now = Clock::now();
  Situation situation;
  // The client's SDK retries too: what it already spent is not ours to spend again.
  const auto* retried = exchange.request.head->find("x-stainless-retry-count");
  const bool client_retries = retried != nullptr && retried->value != "0";
  situation.attempts = exchange.trail.attempts + (client_retries ? 1 : 0);
  situation.attempts_at_target = at_target;
  situation.has_next_target = at + 1 < exchange.candidates.size();
  situation.budget_allows = tries_->budget.available(now);
  situation.idempotent = idempotent(exchange.request.head->method);
  situation.replayable = exchange.request.stream == nullptr;
  situation.time_left = std::chrono::duration_cast<milliseconds>(exchange.arrived + total_ - now);
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
  exchange.cancellation.aim_at(&sleep);
  const IoStatus status = co_await sleep.wait(Clock::now() + wait);
  exchange.cancellation.aim_at(nullptr);
  co_return status == IoStatus::timeout;
}

}  // namespace hawser::stage::attempt
