#include "stage/filter/filter.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <tuple>

#include "base/plain_escapes.hpp"
#include "dialect/object_references.hpp"
#include "dialect/request_peek.hpp"
#include "dialect/rewrite_text.hpp"
#include "exchange/query_texts.hpp"
#include "exchange/token_texts.hpp"
#include "generation/answer_label.hpp"
#include "generation/read_whole.hpp"
#include "stage/filter/filtered_content.hpp"

namespace hawser::stage::filter {

using exchange::Answer;
using exchange::Exchange;
using generation::GenerationPtr;

namespace {

constexpr std::size_t answer_max = 64 * 1024 * 1024;

Error asks_otherwise() {
  return {.code = Code::filtered,
          .message =
              "What a data filter takes out of this request would make it ask for "
              "something else.",
          .client_may_retry = false};
}

using References = std::vector<std::pair<dialect::ObjectKind, std::string>>;

References references(const exchange::Request& request, std::string_view body) {
  References out;
  dialect::for_each_reference(
      body, dialect::reference_rules(request.endpoint),
      [&out](dialect::ObjectKind kind, std::string_view id) { out.emplace_back(kind, id); });
  return out;
}

/// Takes the facts of a body that a rule has changed: it asks for the same as it did `before`, or
/// it is refused.
Result<> peek_again(exchange::Request& request, std::string_view before) {
  const bool known = request.endpoint.traits().body != dialect::BodyForm::any;
  dialect::RequestFacts facts;
  auto peeked = dialect::peek_request(request.body, facts,
                                      known ? dialect::PeekMode::known : dialect::PeekMode::unknown,
                                      dialect::format_of(request.endpoint));
  if (!peeked) return peeked;
  if (request.facts.in_path) {
    facts.model = request.facts.model;
    facts.has_model = facts.in_path = true;
  }
  if (references(request, before) != references(request, request.body)) return asks_otherwise();
  // Who asks, and for what, was decided by the body as it came.
  facts.user = request.facts.user;
  facts.logprobs_refused = request.facts.logprobs_refused;
  facts.other_models_refused = request.facts.other_models_refused;
  if (!dialect::decide_alike(request.facts, facts)) return asks_otherwise();
  request.facts = std::move(facts);
  return {};
}

Error cannot_read(std::string_view what, const Exchange& exchange) {
  return {.code = Code::filtered,
          .message = "A data filter concerns this request and cannot read " + std::string(what) +
                     " of \"" + std::string(exchange.request.endpoint.traits().name) +
                     "\", and filter.pass_unread does not list it.",
          .client_may_retry = false};
}

/// A prompt as token numbers: whoever takes it reads a text that nobody here does.
Error token_numbers(std::string member) {
  return {.code = Code::filtered,
          .message = "A data filter concerns this request and cannot read '" + member +
                     "': it is in the numbers of a tokenizer. Send it as text.",
          .param = std::move(member),
          .client_may_retry = false};
}

/// @return whether a rule changed it, or a pseudonym; escapes that are only written plainly do not
bool filter_text(const AnswerRules& rules, const dialect::FoundText& found, std::string& out,
                 bool& stopped) {
  filter_whole(rules, found, out, stopped);
  return found.json ? out != with_plain_escapes(found.text) : out != found.text;
}

/// The first rule that finds something in a query and does more than count it; nothing: none does.
std::optional<std::size_t> found_in_query(std::string_view query, const Policy& policy,
                                          hawser::filter::Vault& vault) {
  if (query.empty()) return std::nullopt;
  hawser::filter::Stream stream(policy.prompt, vault);
  hawser::filter::Output output;
  stream.feed(exchange::query_texts(query), {}, output);
  stream.flush(output);
  for (const auto& finding : output.findings) {
    const auto action = policy.prompt->rules()[finding.rule].action;
    if (action != hawser::filter::Action::flag) return finding.rule;
  }
  return std::nullopt;
}

Error blocked(std::string_view rule) {
  return {.code = Code::filtered,
          .message = "This request was stopped by the data filter \"" + std::string(rule) + "\".",
          .client_may_retry = false};
}

}  // namespace

FilterFigures filter_figures(telemetry::Registry& registry, const FilterConfig& config) {
  FilterFigures figures;
  for (const auto& rule : config.rules) {
    const auto series = [&](const char* direction) {
      return registry.counter("hawser_filter_findings_total", "What data filters found.",
                              {{"rule", rule.name}, {"direction", direction}});
    };
    figures[rule.name] = {series("prompt"), series("answer")};
  }
  return figures;
}

/// Of the tenant: the same value has the same pseudonym in all turns of its conversations.
Filter::VaultPtr Filter::make_vault(const Exchange& exchange) const {
  const std::string& tenant = exchange.principal->tenant;
  std::string key(32, '\0');
  unsigned size = 0;
  HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
       reinterpret_cast<const unsigned char*>(tenant.data()), tenant.size(),
       reinterpret_cast<unsigned char*>(key.data()), &size);
  return std::make_shared<hawser::filter::Vault>(std::move(key));
}

// Not a coroutine: what no rule concerns passes without a frame.
Task<Answer> Filter::run(Exchange& exchange, exchange::Next next) {
  const Policy& policy = policies_->of(exchange.principal->tenant);
  const auto& traits = exchange.request.endpoint.traits();
  if (policy.empty()) return next(exchange);
  if (traits.textless) return pass_textless(exchange, next, policy);
  if (!policies_->pass_unread().has(traits.operation)) {
    const bool unknown = traits.operation == dialect::Operation::unknown;
    if (policy.prompt && (exchange.request.unread || unknown)) {
      return exchange::answer_now(cannot_read("the body", exchange));
    }
    if (policy.answer && !traits.answers_texts) {
      return exchange::answer_now(cannot_read("the answer", exchange));
    }
  }
  if (policy.answer) {
    if (exchange.request.facts.logprobs) {
      return exchange::answer_now(exchange::token_texts_refused());
    }
    exchange.request.facts.logprobs_refused = true;  // a form that streams is read on
  }
  return filter(exchange, next, policy);
}

/// Nothing can be rewritten in a query, so whatever a rule does, the request does not pass.
std::optional<Error> Filter::judge_query(const Exchange& exchange, const Policy& policy,
                                         const VaultPtr& vault) const {
  if (!policy.prompt) return std::nullopt;
  const auto rule = found_in_query(exchange.request.head->query, policy, *vault);
  if (!rule) return std::nullopt;
  const std::string& name = policy.prompt->rules()[*rule].name;
  shard_.add(figures_->at(name).prompt);
  if (exchange.notes) exchange.notes->refused("filter", name);
  return blocked(name);
}

/// A list or an object that holds no texts: but a query may.
Task<Answer> Filter::pass_textless(Exchange& exchange, exchange::Next next, const Policy& policy) {
  if (exchange.request.head == nullptr || exchange.request.head->query.empty()) {
    return next(exchange);
  }
  if (const auto error = judge_query(exchange, policy, make_vault(exchange))) {
    return exchange::answer_now(*error);
  }
  return next(exchange);
}

Task<Answer> Filter::filter(Exchange& exchange, exchange::Next next, const Policy& policy) {
  const VaultPtr vault = make_vault(exchange);
  auto& request = exchange.request;
  if (const auto error = judge_query(exchange, policy, vault)) co_return *error;
  Prompt prompt{};
  if (policy.prompt && !request.unread && !request.body.empty()) {
    const auto shape = dialect::shape_of(request.endpoint.operation(), dialect::Side::request);
    auto work = [&] { prompt = filter_prompt(shape, request.body, policy, vault); };
    const auto done = co_await offload_.run_if_long(
        reactor_, exchange.principal, request.body.size(), work, exchange.cancellation);
    if (!done) co_return done.error();
  }
  auto body = judge(exchange, policy, std::move(prompt));
  if (!body) co_return body.error();
  if (*body) {
    request.asked = std::exchange(request.body, **body);
    request.content_length = request.body.size();
    Result<> peeked;
    auto again = [&] { peeked = peek_again(request, request.asked); };
    const auto done = co_await offload_.run_if_long(
        reactor_, exchange.principal, request.body.size(), again, exchange.cancellation);
    if (!done || !peeked) {
      request.body = std::exchange(request.asked, {});
      co_return !done ? done.error() : peeked.error();
    }
  }
  auto answer = co_await next(exchange);
  if (*body) request.body = std::exchange(request.asked, {});  // the new one ends here
  if (!answer) co_return std::move(answer);
  co_return co_await filter_answer(exchange, policy, vault, std::move(*answer));
}

/// Reads all of a body, on whatever thread: it touches nothing but its arguments.
Filter::Prompt Filter::filter_prompt(dialect::Shape shape, std::string_view body,
                                     const Policy& policy, const VaultPtr& vault) {
  Prompt prompt{};
  prompt.found.resize(policy.prompt->rules().size());
  hawser::filter::Output output;
  prompt.read = dialect::rewrite_texts(
      shape, body, [&](const dialect::FoundText& found, std::string& changed) {
        hawser::filter::Stream stream(policy.prompt, *vault);
        const std::string text =
            found.json ? with_plain_escapes(found.text) : std::string(found.text);
        output.text.clear();
        output.findings.clear();
        stream.feed(text, {}, output);
        stream.flush(output);
        for (const auto& finding : output.findings) {
          ++prompt.found[finding.rule];
          if (finding.block) prompt.blocked_by = finding.rule;
        }
        changed = output.text;
        if (changed == text) return false;
        // In another form it may ask for something else than what was decided about.
        if (found.fixed && !output.findings.empty()) {
          prompt.blocked_by = output.findings.front().rule;
        }
        return true;
      });
  return prompt;
}

/// Counts what was found. @return the body in its new form; nothing: it stays. Error: filtered
Result<std::optional<std::string>> Filter::judge(const Exchange& exchange, const Policy& policy,
                                                 Prompt prompt) const {
  for (std::size_t rule = 0; rule < prompt.found.size(); ++rule) {
    const std::uint64_t count = prompt.found[rule];
    if (count == 0) continue;
    const std::string& name = policy.prompt->rules()[rule].name;
    shard_.add(figures_->at(name).prompt, static_cast<std::int64_t>(count));
    for (std::uint64_t i = 0; exchange.notes && i < count; ++i) exchange.notes->found(name, false);
  }
  if (!prompt.read) return prompt.read.error();
  const auto operation = exchange.request.endpoint.operation();
  if (!prompt.read->unread.empty() && !policies_->pass_unread().has(operation)) {
    return token_numbers(std::move(prompt.read->unread));
  }
  if (!prompt.blocked_by) return std::move(prompt.read->json);
  const std::string& rule = policy.prompt->rules()[*prompt.blocked_by].name;
  if (exchange.notes) exchange.notes->refused("filter", rule);
  return blocked(rule);
}

Task<Answer> Filter::filter_answer(const Exchange& exchange, const Policy& policy, VaultPtr vault,
                                   GenerationPtr answer) {
  generation::AnswerHead& head = answer->head();
  const dialect::Api api = exchange.request.endpoint.api;
  const bool needed = policy.answer || vault->size() > 0;
  if (!needed || answer->reader() != nullptr) co_return std::move(answer);
  // Without rules for answers only pseudonyms are restored, where that can be.
  AnswerRules rules;
  rules.must_read =
      policy.answer && !policies_->pass_unread().has(exchange.request.endpoint.operation());
  rules.scanner = policy.answer;
  rules.vault = std::move(vault);
  // A stream may go on after a reload took this stage away.
  rules.found = [&shard = shard_, figures = figures_, scanner = policy.answer,
                 notes = exchange.notes](const hawser::filter::Finding& finding) {
    const std::string& rule = scanner->rules()[finding.rule].name;
    shard.add(figures->at(rule).answer);
    if (!notes) return;
    notes->found(rule, true);
    if (finding.block) notes->refused("filter", rule);
  };
  if (head.event_stream && dialect::streams_texts(api)) {
    auto content =
        std::make_unique<FilteredContent>(reactor_, answer->take_content(), api, std::move(rules));
    co_return std::make_unique<generation::Generation>(std::move(head), std::move(content));
  }
  if (head.bodiless || head.length == std::uint64_t{0}) co_return std::move(answer);
  if (head.event_stream) {
    if (!rules.must_read) co_return std::move(answer);
    co_return unreadable_answer("it is an event stream of an unknown form");
  }
  co_return co_await filter_plain(
      exchange, std::move(answer), rules,
      dialect::shape_of(exchange.request.endpoint.operation(), dialect::Side::answer));
}

/// An answer that is read whole.
Task<Answer> Filter::filter_plain(const Exchange& exchange, GenerationPtr answer,
                                  const AnswerRules& rules, dialect::Shape shape) {
  const auto label = generation::read_label(answer->head());
  if (label.unreadable != nullptr) {
    if (!rules.must_read) co_return std::move(answer);
    co_return unreadable_answer(label.unreadable);
  }
  const auto lease = [&] {
    const auto& [tenant, key] = std::tie(exchange.principal->tenant, exchange.principal->key);
    return bytes_.lease(net::MemoryKind::copy, tenant, key);
  };
  auto whole = co_await generation::read_whole(answer->content(), answer_max, lease());
  if (!whole) co_return whole.error();
  std::string& body = whole->text;
  net::ByteLease copy = lease();  // while both forms are there
  if (auto room = copy.grow(body.size()); !room) co_return room.error();
  bool stopped = false, readable = true;
  std::vector<hawser::filter::Finding> found;
  AnswerRules noting = rules;  // what counts is the worker's
  noting.found = [&found](const hawser::filter::Finding& finding) { found.push_back(finding); };
  auto work = [&] {
    if (generation::read_as_json(label, body)) {
      auto changed = dialect::rewrite_texts(shape, body,
                                            [&](const dialect::FoundText& text, std::string& out) {
                                              return filter_text(noting, text, out, stopped);
                                            });
      readable = changed.has_value();
      if (changed && changed->json) body = std::move(*changed->json);
      return;
    }
    readable = generation::is_plain_text(body) || !rules.must_read;
    std::string out;
    const dialect::FoundText text{body, dialect::has_own_escapes(body)};
    if (filter_text(noting, text, out, stopped)) body = std::move(out);
  };
  const auto done = co_await offload_.run_if_long(reactor_, exchange.principal, body.size(), work,
                                                  exchange.cancellation);
  if (!done) co_return done.error();
  for (const auto& finding : found) rules.found(finding);
  if (!readable && rules.must_read) {
    co_return unreadable_answer("it is not the JSON that it seems to be");
  }
  if (stopped) {
    co_return Error{.code = Code::filtered,
                    .message = "A data filter ended this answer.",
                    .client_may_retry = false};
  }
  const generation::Told told{answer->content().usage(), answer->content().spliced()};
  co_return generation::make_whole(std::move(answer->head()), std::move(body), told,
                                   std::move(whole->lease));
}

}  // namespace hawser::stage::filter
