#include "stage/guard/stage.hpp"

#include "base/plain_escapes.hpp"
#include "dialect/rewrite_text.hpp"
#include "stage/guard/guarded_content.hpp"

namespace hawser::stage::guard {

using exchange::Answer;
using exchange::Exchange;
using generation::GenerationPtr;

namespace {

constexpr std::size_t answer_max = 64 * 1024 * 1024;

/// Whose requests hold a prompt.
bool has_prompt(const Exchange& exchange) {
  switch (exchange.request.endpoint.api) {
    case dialect::Api::chat:
    case dialect::Api::completions:
    case dialect::Api::responses:
    case dialect::Api::messages:
    case dialect::Api::embeddings:
      return exchange.request.json && !exchange.request.body.empty();
    default:
      return false;
  }
}

Question about(const Exchange& exchange, Direction direction) {
  Question question;
  question.id = exchange.id;
  question.tenant = exchange.principal->tenant;
  question.model = exchange.request.facts.model;
  question.direction = direction;
  question.notes = exchange.notes;
  return question;
}

/// Texts, one a line, as one of the two functions finds them.
template <class Rewrite>
std::string texts(Rewrite rewrite, std::string_view body) {
  std::string text;
  rewrite(body, [&](const dialect::FoundText& found, std::string&) {
    if (!text.empty()) text += '\n';
    text += found.json ? with_plain_escapes(found.text) : std::string(found.text);
    return false;
  });
  return text;
}

Task<Result<std::string>> read_whole(generation::Content& content) {
  std::string body;
  bool last = false;
  while (!last) {
    auto piece = co_await content.next();
    if (!piece) co_return piece.error();
    body.append(piece->bytes);
    last = piece->last;
    if (body.size() > answer_max) {
      co_return Error{.code = Code::upstream,
                      .message = "The answer is longer than what a guard takes."};
    }
  }
  co_return std::move(body);
}

}  // namespace

std::vector<GuardPtr> Guards::those(const Exchange& exchange, Direction direction) const {
  std::vector<GuardPtr> some;
  for (const auto& guard : guards_) {
    if (guard->concerns(exchange, direction)) some.push_back(guard);
  }
  return some;
}

/// A guard that is to judge but may not see it: it does not pass unjudged.
std::optional<Error> Guards::kept_away(Exchange& exchange) const {
  for (std::size_t i = 0; i < guards_.size(); ++i) {
    if (exchange.residency.grants.allow_guard(i)) continue;
    if (!guards_[i]->concerns(exchange, Direction::prompt) &&
        !guards_[i]->concerns(exchange, Direction::answer)) {
      continue;
    }
    exchange.residency.refuses = true;
    return Error{.code = Code::residency,
                 .message = "The guard \"" + guards_[i]->config().name +
                            "\" must judge this request, and is not where it may go.",
                 .client_may_retry = false};
  }
  return std::nullopt;
}

// Not a coroutine: what no guard concerns passes without a frame.
Task<Answer> Guards::run(Exchange& exchange, exchange::Next next) {
  if (!has_prompt(exchange)) return next(exchange);
  if (auto error = kept_away(exchange)) return exchange::answer_now(std::move(*error));
  auto prompt = those(exchange, Direction::prompt);
  auto answer = those(exchange, Direction::answer);
  if (prompt.empty() && answer.empty()) return next(exchange);
  return guard(exchange, next, std::move(prompt), std::move(answer));
}

Task<Answer> Guards::guard(Exchange& exchange, exchange::Next next, std::vector<GuardPtr> prompt,
                           std::vector<GuardPtr> answer) {
  std::vector<GuardPtr> before, beside;
  for (const auto& guard : prompt) {
    (guard->config().order == Order::before ? before : beside).push_back(guard);
  }
  auto question = std::make_shared<Question>(about(exchange, Direction::prompt));
  if (!prompt.empty()) question->text = texts(dialect::rewrite_request, exchange.request.body);
  if (!before.empty()) {
    Jury jury(reactor_, before, question);
    const Ruling ruling = co_await jury.decide();
    if (!ruling.allow) co_return refusal(ruling, *question);
  }
  // A refusal ends the call at the provider at once.
  Jury jury(reactor_, beside, question,
            [&cancellation = exchange.cancellation] { cancellation.cancel(); });
  if (jury.refused()) {
    const Ruling ruling = co_await jury.decide();
    co_return refusal(ruling, *question);
  }
  auto answered = co_await next(exchange);
  jury.forget();
  const Ruling ruling = co_await jury.decide();
  if (!ruling.allow) co_return refusal(ruling, *question);
  if (!answered || answer.empty()) co_return std::move(answered);
  co_return co_await guard_answer(exchange, std::move(answer), std::move(*answered));
}

Task<Answer> Guards::guard_answer(Exchange& exchange, std::vector<GuardPtr> guards,
                                  GenerationPtr answer) {
  generation::AnswerHead& head = answer->head();
  if (answer->reader() != nullptr || head.bodiless || head.status >= 400) {
    co_return std::move(answer);
  }
  if (head.event_stream) {
    auto content = std::make_unique<GuardedContent>(
        reactor_, answer->take_content(), exchange.request.endpoint.api, std::move(guards),
        about(exchange, Direction::answer));
    co_return std::make_unique<generation::Generation>(std::move(head), std::move(content));
  }
  auto body = co_await read_whole(answer->content());
  if (!body) co_return body.error();
  auto question = std::make_shared<Question>(about(exchange, Direction::answer));
  question->text = texts(dialect::rewrite_answer, *body);
  if (!question->text.empty()) {
    Jury jury(reactor_, guards, question);
    const Ruling ruling = co_await jury.decide();
    if (!ruling.allow) co_return refusal(ruling, *question);
  }
  const generation::Told told{answer->content().usage(), answer->content().spliced()};
  co_return generation::make_whole(std::move(head), std::move(*body), told);
}

}  // namespace hawser::stage::guard
