#include "stage/guard/stage.hpp"

#include <algorithm>

#include "base/plain_escapes.hpp"
#include "dialect/rewrite_text.hpp"
#include "exchange/query_texts.hpp"
#include "generation/answer_label.hpp"
#include "generation/read_whole.hpp"
#include "stage/guard/guarded_content.hpp"

namespace hawser::stage::guard {

using exchange::Answer;
using exchange::Exchange;
using generation::GenerationPtr;

namespace {

constexpr std::size_t answer_max = 64 * 1024 * 1024;

Question about(const Exchange& exchange, Direction direction) {
  Question question;
  question.id = exchange.id;
  question.tenant = exchange.principal->tenant;
  question.model = exchange.request.facts.model;
  question.direction = direction;
  question.notes = exchange.notes;
  return question;
}

/// Texts, one a line, and the member that cannot be read.
struct Texts {
  std::string text{};
  std::string unread{};
};
/// Error: it is not JSON
Result<Texts> texts(dialect::Shape shape, std::string_view body) {
  Texts out;
  auto read =
      dialect::rewrite_texts(shape, body, [&](const dialect::FoundText& found, std::string&) {
        if (!out.text.empty()) out.text += '\n';
        out.text += found.json ? with_plain_escapes(found.text) : std::string(found.text);
        return false;
      });
  if (!read) return read.error();
  out.unread = std::move(read->unread);
  return out;
}

/// The texts of a plain answer; nothing: it is in a form that cannot be read.
std::optional<std::string> answer_texts(dialect::Shape shape, const generation::AnswerHead& head,
                                        std::string body) {
  if (body.empty()) return body;
  const auto label = generation::read_label(head);
  if (label.unreadable != nullptr) return std::nullopt;
  if (!generation::read_as_json(label, body)) {
    if (!generation::is_plain_text(body)) return std::nullopt;
    return dialect::has_own_escapes(body) ? with_plain_escapes(body) : body;
  }
  auto read = texts(shape, body);
  if (!read) return std::nullopt;
  return std::move(read->text);
}

std::string query_of(const Exchange& exchange) {
  const auto* head = exchange.request.head;
  return head == nullptr ? std::string() : exchange::query_prose(head->query);
}

/// In place of a provider's error whose text a guard does not let pass.
Error withheld(int status) {
  return {.code = Code::upstream,
          .message = "The provider refused the request; what it says of it was held back.",
          .status = status};
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
    exchange.residency_refuses = true;
    return Error{.code = Code::residency,
                 .message = "The guard \"" + guards_[i]->config().name +
                            "\" must judge this request, and is not where it may go.",
                 .client_may_retry = false};
  }
  return std::nullopt;
}

/// A guard that must judge what it cannot read refuses it, as one that does not answer does.
std::optional<Error> Guards::unreadable(const Exchange& exchange, bool prompt, bool answer) const {
  const auto& traits = exchange.request.endpoint.traits();
  for (const auto& guard : guards_) {
    const auto concerns = [&](Direction direction, bool wanted) {
      return wanted && guard->concerns(exchange, direction);
    };
    if (!concerns(Direction::prompt, prompt) && !concerns(Direction::answer, answer)) continue;
    if (guard->passes_unread(traits.operation)) continue;
    if (exchange.notes) exchange.notes->refused("guard", guard->config().name);
    return Error{.code = Code::filtered,
                 .message = "The guard \"" + guard->config().name +
                            "\" must judge this and cannot " + "read \"" +
                            std::string(traits.name) + "\", which its pass_unread does not list.",
                 .client_may_retry = false};
  }
  return std::nullopt;
}

/// A prompt as token numbers: whoever takes it reads a text that no guard is shown.
std::optional<Error> Guards::token_numbers(const Exchange& exchange,
                                           const std::vector<GuardPtr>& guards,
                                           const std::string& member) const {
  for (const auto& guard : guards) {
    if (guard->passes_unread(exchange.request.endpoint.operation())) continue;
    if (exchange.notes) exchange.notes->refused("guard", guard->config().name);
    return Error{.code = Code::filtered,
                 .message = "The guard \"" + guard->config().name +
                            "\" must judge this and cannot read '" + member +
                            "': it is in the numbers of a tokenizer. Send it as text.",
                 .param = member,
                 .client_may_retry = false};
  }
  return std::nullopt;
}

// Not a coroutine: what no guard concerns passes without a frame.
Task<Answer> Guards::run(Exchange& exchange, exchange::Next next) {
  const auto& request = exchange.request;
  const auto& traits = request.endpoint.traits();
  const bool query = !query_of(exchange).empty();
  if (traits.textless && !query) return next(exchange);
  const bool unknown = traits.operation == dialect::Operation::unknown;
  if (!traits.textless) {
    auto error = unreadable(exchange, request.unread || unknown, !traits.answers_texts);
    if (error) return exchange::answer_now(std::move(*error));
  }
  const bool asks = query || (!request.unread && !request.body.empty());
  auto prompt = asks ? those(exchange, Direction::prompt) : std::vector<GuardPtr>();
  auto answer = traits.textless ? std::vector<GuardPtr>() : those(exchange, Direction::answer);
  if (prompt.empty() && answer.empty()) return next(exchange);
  if (auto kept = kept_away(exchange)) return exchange::answer_now(std::move(*kept));
  return guard(exchange, next, std::move(prompt), std::move(answer));
}

Task<Answer> Guards::guard(Exchange& exchange, exchange::Next next, std::vector<GuardPtr> prompt,
                           std::vector<GuardPtr> answer) {
  std::vector<GuardPtr> before, beside;
  for (const auto& guard : prompt) {
    (guard->config().order == Order::before ? before : beside).push_back(guard);
  }
  auto question = std::make_shared<Question>(about(exchange, Direction::prompt));
  if (!prompt.empty()) {
    Result<Texts> read = Texts();
    const auto shape =
        dialect::shape_of(exchange.request.endpoint.operation(), dialect::Side::request);
    auto work = [&] {
      const auto& request = exchange.request;
      if (!request.unread && !request.body.empty()) read = texts(shape, request.body);
    };
    const auto done = co_await offload_.run_if_long(
        reactor_, exchange.principal, exchange.request.body.size(), work, exchange.cancellation);
    if (!done) co_return done.error();
    if (!read) co_return read.error();
    if (!read->unread.empty()) {
      if (auto error = token_numbers(exchange, prompt, read->unread)) co_return std::move(*error);
    }
    question->text = std::move(read->text);
    if (const auto query = query_of(exchange); !query.empty()) {
      question->text.append(question->text.empty() ? "" : "\n").append(query);
    }
  }
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
  if (answer->reader() != nullptr || head.bodiless) co_return std::move(answer);
  const bool error = head.status >= 400;
  const dialect::Api api = exchange.request.endpoint.api;
  if (head.event_stream && dialect::streams_texts(api)) {
    const bool must_read = std::any_of(guards.begin(), guards.end(), [&](const GuardPtr& guard) {
      return !guard->passes_unread(exchange.request.endpoint.operation());
    });
    auto content =
        std::make_unique<GuardedContent>(reactor_, answer->take_content(), api, std::move(guards),
                                         about(exchange, Direction::answer), must_read);
    co_return std::make_unique<generation::Generation>(std::move(head), std::move(content));
  }
  std::optional<std::string> text;
  generation::WholeText body;
  if (!head.event_stream) {
    const auto& principal = *exchange.principal;
    auto read = co_await generation::read_whole(
        answer->content(), answer_max,
        bytes_.lease(net::MemoryKind::copy, principal.tenant, principal.key));
    if (!read) co_return read.error();
    body = std::move(*read);
    const auto shape =
        dialect::shape_of(exchange.request.endpoint.operation(), dialect::Side::answer);
    auto work = [&] { text = answer_texts(shape, head, body.text); };
    const auto done = co_await offload_.run_if_long(reactor_, exchange.principal, body.text.size(),
                                                    work, exchange.cancellation);
    if (!done) co_return done.error();
  }
  // Whatever the form of an error is, people read it as a text.
  if (!text && error && !head.event_stream) text = body.text;
  if (!text) {
    if (auto unread = unreadable(exchange, false, true)) {
      unread->code = Code::upstream;  // it is the answer's form that is at fault
      co_return *unread;
    }
    if (head.event_stream) co_return std::move(answer);
  }
  if (text && !text->empty()) {
    auto question = std::make_shared<Question>(about(exchange, Direction::answer));
    question->text = std::move(*text);
    Jury jury(reactor_, guards, question);
    const Ruling ruling = co_await jury.decide();
    if (!ruling.allow && error) co_return withheld(head.status);
    if (!ruling.allow) co_return refusal(ruling, *question);
  }
  const generation::Told told{answer->content().usage(), answer->content().spliced()};
  co_return generation::make_whole(std::move(head), std::move(body.text), told,
                                   std::move(body.lease));
}

}  // namespace hawser::stage::guard
