#include "stage/guard/guard.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

namespace hawser::stage::guard {

GuardSeries guard_series(telemetry::Registry& registry, const std::string& name) {
  constexpr std::array words{"allow", "block", "kept", "timeout", "error", "breaker", "too_long"};
  static_assert(words.size() == outcomes);
  constexpr std::array bounds{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5};
  GuardSeries series;
  for (std::size_t i = 0; i < outcomes; ++i) {
    series.verdicts[i] = registry.counter("hawser_guard_verdicts_total", "What guards said.",
                                          {{"guard", name}, {"verdict", words[i]}});
  }
  series.duration =
      registry.histogram("hawser_guard_duration_seconds", "How long guards were waited for.",
                         bounds, {{"guard", name}});
  return series;
}

bool Guard::concerns(const exchange::Exchange& exchange, Direction direction) const {
  const GuardConfig& config = *parts_.config;
  const Where here = direction == Direction::prompt ? Where::prompt : Where::answer;
  if (config.in != Where::both && config.in != here) return false;
  return config.tenants.empty() || std::find(config.tenants.begin(), config.tenants.end(),
                                             exchange.principal->tenant) != config.tenants.end();
}

/// Of this tenant and this direction only: a verdict tells nobody else what was asked.
TextKey Guard::key_of(const Question& question) const {
  std::string text(question.direction == Direction::prompt ? "prompt" : "answer");
  for (const auto* part : {&question.tenant, &question.model}) {
    text.append(1, '\0').append(std::to_string(part->size())).append(1, '\0').append(*part);
  }
  text.append(1, '\0').append(question.text);
  TextKey key{};
  unsigned size = 0;
  HMAC(EVP_sha256(), parts_.secret.data(), static_cast<int>(parts_.secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), key.data(), &size);
  return key;
}

Ruling Guard::rule(const Verdict& verdict, Outcome outcome) {
  count(outcome);
  return {verdict.allow, verdict.allow ? std::string() : parts_.config->name, verdict.reason};
}

Ruling Guard::without(Outcome outcome) {
  count(outcome);
  if (parts_.config->on_timeout == Without::open) return {};
  return {false, parts_.config->name, "it could not be asked"};
}

Task<Guard::Said> Guard::ask(std::shared_ptr<const Question> question) {
  const std::string body = write_question(*parts_.config, *question);
  net::Cancellation never;
  http::Ask what;
  what.path = parts_.endpoint->path();
  what.body = body;
  const auto deadline = Clock::now() + parts_.config->deadline;
  const auto said = co_await http::ask(*parts_.endpoint, *parts_.pool, what, deadline, never);
  if (!said) co_return Said{said.error(), true};
  if (said->status != 200) {
    Error error{.code = Code::upstream, .message = "the guard did not answer with 200"};
    co_return Said{std::move(error), said->status >= 500};
  }
  co_return Said{parse_verdict(*parts_.config, said->body)};
}

/// Asks with a text of nobody. Whatever is said of it: the guard is there.
Task<> Guard::probe(std::shared_ptr<Guard> guard) {
  auto question = std::make_shared<Question>();
  question->text = "Hello.";
  const auto said = co_await guard->ask(question);
  guard->condition_.probed(!said.away, Clock::now());
}

void Guard::probe_if_due(Clock::time_point now) {
  if (condition_.wants_probe(now)) spawn(probe(shared_from_this()), [](std::exception_ptr) {});
}

Task<Ruling> Guard::judge(std::shared_ptr<const Question> question) {
  if (question->text.size() > parts_.config->text_max.count()) co_return without(Outcome::too_long);
  const TextKey key = key_of(*question);
  const auto begun = Clock::now();
  if (const Verdict* kept = kept_.find(key, begun)) co_return rule(*kept, Outcome::kept);
  if (condition_.away()) {
    probe_if_due(begun);
    co_return without(Outcome::breaker);
  }
  const auto said = co_await ask(question);
  const auto now = Clock::now();
  parts_.shard.observe(parts_.series.duration, std::chrono::duration<double>(now - begun).count());
  const auto& verdict = said.verdict;
  if (!verdict) {
    if (said.away) condition_.failed();
    probe_if_due(now);
    co_return without(verdict.error().code == Code::timeout ? Outcome::timeout : Outcome::error);
  }
  condition_.answered();
  kept_.put(key, *verdict, now);
  co_return rule(*verdict, verdict->allow ? Outcome::allow : Outcome::block);
}

Jury::Jury(net::Reactor& reactor, const std::vector<GuardPtr>& guards,
           std::shared_ptr<const Question> question, std::function<void()> on_refusal)
    : votes_(std::make_shared<Votes>(reactor)) {
  votes_->on_refusal = std::move(on_refusal);
  votes_->open = guards.size();
  for (const auto& guard : guards) {
    spawn(vote(votes_, guard, question), [](std::exception_ptr) {});
  }
}

Task<> Jury::vote(std::shared_ptr<Votes> votes, GuardPtr guard,
                  std::shared_ptr<const Question> question) {
  Ruling ruling = co_await guard->judge(question);
  --votes->open;
  if (!ruling.allow && votes->ruling.allow) {
    votes->ruling = std::move(ruling);
    const auto tell = std::exchange(votes->on_refusal, {});
    if (tell) tell();
  }
  votes->news.complete(net::IoStatus::ok);
}

Task<Ruling> Jury::decide() {
  const auto votes = votes_;
  while (votes->open > 0 && votes->ruling.allow) {
    co_await votes->news.wait(Clock::time_point::max());
  }
  co_return votes->ruling;
}

Error refusal(const Ruling& ruling, const Question& question) {
  if (question.notes) question.notes->refused("guard", ruling.guard);
  const bool prompt = question.direction == Direction::prompt;
  std::string message =
      prompt ? "This request was stopped by the guard \"" : "This answer was ended by the guard \"";
  message += ruling.guard + "\"";
  if (!ruling.reason.empty()) message += ": " + ruling.reason;
  return {.code = Code::filtered, .message = message + ".", .client_may_retry = false};
}

}  // namespace hawser::stage::guard
