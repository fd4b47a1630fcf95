#include "stage/filter/filter.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/plain_escapes.hpp"
#include "dialect/request_peek.hpp"
#include "dialect/rewrite_text.hpp"
#include "stage/filter/filtered_content.hpp"

namespace hawser::stage::filter {

using exchange::Answer;
using exchange::Exchange;
using generation::GenerationPtr;

namespace {

constexpr std::size_t answer_max = 64 * 1024 * 1024;

bool is_json(const generation::AnswerHead& head) {
  const auto at = head.fields.find("json");
  return at != std::string::npos && !head.event_stream;
}

/// Who writes texts that clients read.
bool answers_in_text(dialect::Api api) {
  return api == dialect::Api::chat || api == dialect::Api::completions ||
         api == dialect::Api::responses || api == dialect::Api::messages ||
         api == dialect::Api::response;
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
  const auto api = exchange.request.endpoint.api;
  if (policy.empty() || api == dialect::Api::generations || api == dialect::Api::models) {
    return next(exchange);
  }
  return filter(exchange, next, policy);
}

Task<Answer> Filter::filter(Exchange& exchange, exchange::Next next, const Policy& policy) {
  const VaultPtr vault = make_vault(exchange);
  auto& request = exchange.request;
  auto body = filter_prompt(exchange, policy, vault);
  if (!body) co_return body.error();
  if (*body) {
    request.asked = std::exchange(request.body, **body);
    request.content_length = request.body.size();
    const auto peeked = dialect::peek_request(request.body, request.facts);
    if (!peeked) co_return peeked.error();
  }
  auto answer = co_await next(exchange);
  if (*body) request.body = std::exchange(request.asked, {});  // the new one ends here
  if (!answer) co_return std::move(answer);
  co_return co_await filter_answer(exchange, policy, vault, std::move(*answer));
}

/// @return the body in its new form; nothing: it stays. Error: filtered
Result<std::optional<std::string>> Filter::filter_prompt(const Exchange& exchange,
                                                         const Policy& policy,
                                                         const VaultPtr& vault) {
  if (!policy.prompt || !exchange.request.json) return std::optional<std::string>();
  const auto& scanner = *policy.prompt;
  std::optional<Error> refusal;
  hawser::filter::Output output;
  auto body = dialect::rewrite_request(exchange.request.body, [&](const dialect::FoundText& found,
                                                                  std::string& changed) {
    hawser::filter::Stream stream(policy.prompt, *vault);
    const std::string text = found.json ? with_plain_escapes(found.text) : std::string(found.text);
    output.text.clear();
    output.findings.clear();
    stream.feed(text, {}, output);
    stream.flush(output);
    for (const auto& finding : output.findings) {
      const std::string& rule = scanner.rules()[finding.rule].name;
      shard_.add(figures_->at(rule).prompt);
      if (exchange.notes) exchange.notes->found(rule, false);
      if (!finding.block) continue;
      refusal = blocked(rule);
      if (exchange.notes) exchange.notes->refused("filter", rule);
    }
    changed = output.text;
    return changed != text;
  });
  if (refusal) return *refusal;
  return body;
}

Task<Answer> Filter::filter_answer(const Exchange& exchange, const Policy& policy, VaultPtr vault,
                                   GenerationPtr answer) {
  generation::AnswerHead& head = answer->head();
  const dialect::Api api = exchange.request.endpoint.api;
  const bool needed = policy.answer || vault->size() > 0;
  if (!needed || answer->reader() != nullptr || !answers_in_text(api)) co_return std::move(answer);
  AnswerRules rules;
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
  if (head.event_stream) {
    auto content =
        std::make_unique<FilteredContent>(reactor_, answer->take_content(), api, std::move(rules));
    co_return std::make_unique<generation::Generation>(std::move(head), std::move(content));
  }
  if (!is_json(head)) co_return std::move(answer);
  std::string body;
  bool last = false;
  while (!last) {
    auto piece = co_await answer->content().next();
    if (!piece) co_return piece.error();
    body.append(piece->bytes);
    last = piece->last;
    if (body.size() > answer_max) {
      co_return Error{.code = Code::upstream,
                      .message = "The answer is longer than what a data filter takes."};
    }
  }
  bool stopped = false;
  auto changed =
      dialect::rewrite_answer(body, [&](const dialect::FoundText& found, std::string& out) {
        return filter_whole(rules, found, out, stopped);
      });
  if (stopped) {
    co_return Error{.code = Code::filtered,
                    .message = "A data filter ended this answer.",
                    .client_may_retry = false};
  }
  if (changed) body = std::move(*changed);
  const generation::Told told{answer->content().usage(), answer->content().spliced()};
  co_return generation::make_whole(std::move(head), std::move(body), told);
}

}  // namespace hawser::stage::filter
