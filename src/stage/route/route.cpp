#include "stage/route/route.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "base/name_pattern.hpp"
#include "exchange/model_asked.hpp"
#include "generation/read_whole.hpp"
#include "stage/route/model_list.hpp"

namespace hawser::stage::route {

using exchange::Answer;
using exchange::Exchange;
using exchange::Target;
using generation::GenerationPtr;
namespace json = boost::json;

namespace {

bool is_pattern(std::string_view name) {
  return name.ends_with('*');
}

Target make_target(const std::vector<std::string>& providers, const std::string& provider,
                   const std::string& model) {
  Target target;
  const auto found = std::find(providers.begin(), providers.end(), provider);
  target.provider = static_cast<std::size_t>(found - providers.begin());
  target.provider_name = provider;
  target.model = model;
  target.name = model.empty() ? provider : provider + "/" + model;
  if (!model.empty()) target.model_json = json::serialize(json::value(json::string(model)));
  return target;
}

bool allowed(const Exchange& exchange, std::string_view model) {
  const auto& models = exchange.principal->models;
  if (models.empty()) return true;
  return std::any_of(models.begin(), models.end(),
                     [&](const std::string& pattern) { return covers(pattern, model); });
}

/// Whether the key may use the model that the request names. One that is bound to models must name
/// one where the operation has one; what names it where nobody reads it was allowed by the key's
/// list of operations.
bool may_ask(const Exchange& exchange) {
  const auto& facts = exchange.request.facts;
  if (exchange.principal->models.empty()) return true;
  if (facts.has_model && !allowed(exchange, facts.model)) return false;
  switch (exchange.request.endpoint.traits().model) {
    case dialect::ModelPlace::nowhere:
    case dialect::ModelPlace::hidden:
      return true;
    case dialect::ModelPlace::body:
    case dialect::ModelPlace::optional:
    case dialect::ModelPlace::path:
      return facts.has_model && !facts.other_models;  // which of them it gets is not decided here
  }
  return false;
}

generation::Rules rules_of(const ModelConfig& model) {
  generation::Rules rules;
  switch (model.on_disconnect) {
    case OnDisconnect::general:
      break;
    case OnDisconnect::linger:
      rules.on_disconnect = generation::OnDisconnect::linger;
      break;
    case OnDisconnect::cancel:
      rules.on_disconnect = generation::OnDisconnect::cancel;
      break;
    case OnDisconnect::finish:
      rules.on_disconnect = generation::OnDisconnect::finish;
      break;
  }
  if (model.coalesce != Coalesce::general) rules.coalesce = model.coalesce == Coalesce::on;
  return rules;
}

Error no_such_model(const std::string& model) {
  Error error;
  error.code = Code::not_found;
  error.message = "The model `" + model + "` does not exist or you do not have access to it.";
  error.param = "model";
  return error;
}

Error not_allowed(const dialect::RequestFacts& facts) {
  Error error;
  error.code = Code::permission;
  error.message = "This API key may not use the model `" + facts.model + "`.";
  if (facts.model.empty()) {
    error.message = "This API key may use certain models only, and the request names none.";
  }
  if (facts.other_models) {
    error.message =
        "This API key may use certain models only: a request by it must not name further models, "
        "or a server, beside `model`.";
  }
  error.param = "model";
  return error;
}

/// All that the client asks for, in one field or several.
std::string residency_asked(const Exchange& exchange) {
  std::string out;
  for (const auto& field : exchange.request.head->fields) {
    if (!wire::same_token(field.name, "x-hawser-residency")) continue;
    out.append(out.empty() ? "" : ",").append(field.value);
  }
  return out;
}

/// One word, or nothing. In several fields, or as a list, the rules would go by one of them.
Result<> check_data_class(const Exchange& exchange) {
  const wire::Field* first = nullptr;
  for (const auto& field : exchange.request.head->fields) {
    if (!wire::same_token(field.name, "x-hawser-data-class")) continue;
    const bool word = std::all_of(field.value.begin(), field.value.end(), [](char c) {
      return c > ' ' && c < 0x7f && c != ',' && c != ';';
    });
    if (word && (first == nullptr || first->value == field.value)) {
      first = &field;
      continue;
    }
    return Error{.code = Code::invalid_request,
                 .message = "x-hawser-data-class: say one word, once.",
                 .client_may_retry = false};
  }
  return {};
}

policy::Asker asker_of(const Exchange& exchange) {
  const auto& principal = *exchange.principal;
  return {principal.tenant, principal.team, principal.key,
          exchange::model_asked(exchange).value_or(""),
          exchange.request.header("x-hawser-data-class")};
}

Error no_target(const std::string& model, const std::string& rule) {
  std::string message = "No target of ";
  message += model.empty() ? "this path" : "the model `" + model + "`";
  message += rule == "client" ? " satisfies the residency that the request asks for."
                              : " satisfies the residency rule `" + rule + "`.";
  return {.code = Code::residency, .message = std::move(message), .client_may_retry = false};
}

Error names_other_places(const Exchange& exchange) {
  const std::string rule = exchange.residency.rule ? " `" + *exchange.residency.rule + "`" : "";
  return {.code = Code::residency,
          .message =
              "The request names further models, servers or places beside `model`, and a "
              "residency rule" +
              rule + " concerns it.",
          .param = "model",
          .client_may_retry = false};
}

constexpr std::size_t list_max = 4 * 1024 * 1024;

GenerationPtr answer_json(std::string body) {
  generation::AnswerHead head;
  head.fields = "Content-Type: application/json\r\n";
  return generation::make_whole(std::move(head), std::move(body));
}

ModelListForm list_form(const Exchange& exchange) {
  const bool anthropic = exchange.request.head->find("anthropic-version") != nullptr;
  return anthropic ? ModelListForm::anthropic : ModelListForm::openai;
}

}  // namespace

RouteTable::RouteTable(const config::Map<ModelConfig>& models,
                       const std::vector<std::string>& providers,
                       const std::string& default_provider,
                       const std::vector<policy::Policy::Model>& tagged,
                       health::Directory& health) {
  for (const auto& [name, model] : models) {
    Entry entry;
    entry.index = entries_.size();
    entry.name = name;
    entry.rules = rules_of(model);
    for (const auto& target : model.targets) {
      const auto& tags = tagged[entry.index].targets[entry.targets.size()].tags;
      entry.targets.push_back(make_target(providers, target.provider, target.model));
      entry.targets.back().tags = text_of(tags);
    }
    entry.by_latency = model.balance == Balance::latency;
    entry.timeouts = model.timeouts;
    if (model.hedge) entry.hedge = exchange::Hedge{model.hedge->after, model.hedge->percent};
    for (auto& target : entry.targets) {
      if (entry.targets.size() < 2) break;  // nothing to choose from
      target.health = health.target(target.provider_name, target.name).get();
    }
    if (is_pattern(name)) {
      patterns_.push_back(entries_.size());
    } else {
      exact_.emplace(name, entries_.size());
    }
    entries_.push_back(std::move(entry));
  }
  std::stable_sort(patterns_.begin(), patterns_.end(), [this](std::size_t a, std::size_t b) {
    return entries_[a].name.size() > entries_[b].name.size();
  });
  if (default_provider.empty()) return;
  default_ = std::make_unique<Entry>();
  default_->name = "other";
  default_->index = entries_.size();
  default_->targets.push_back(make_target(providers, default_provider, ""));
  default_->targets.back().tags = text_of(tagged.back().targets.front().tags);
}

const RouteTable::Entry* RouteTable::find(std::string_view model) const {
  if (const auto found = exact_.find(model); found != exact_.end()) {
    return &entries_[found->second];
  }
  for (const std::size_t index : patterns_) {
    if (covers(entries_[index].name, model)) return &entries_[index];
  }
  return nullptr;
}

Result<const RouteTable::Entry*> Route::choose(const Exchange& exchange) const {
  const auto& facts = exchange.request.facts;
  const RouteTable::Entry* entry = facts.has_model ? table_->find(facts.model) : nullptr;
  if (entry == nullptr) entry = table_->fallback();
  if (entry == nullptr && facts.has_model) return no_such_model(facts.model);
  if (entry == nullptr) {
    return Error{.code = Code::not_found,
                 .message = "No provider is configured for this path: set default_provider."};
  }
  if (!may_ask(exchange)) return not_allowed(facts);
  return entry;
}

/// Keeps the exchange to where it may go. Errors: residency, invalid_request
Result<> Route::bind(Exchange& exchange, const RouteTable::Entry& entry) const {
  const bool asks = exchange.request.head->find("x-hawser-residency") != nullptr;
  if (policy_->idle() && !asks) {
    exchange.residency.grants = policy::Grants::all();
    return Result<>();
  }
  if (auto checked = check_data_class(exchange); !checked) return checked;
  policy::Policy::Wish wish;
  if (asks) {
    auto read = policy_->wish(residency_asked(exchange));
    if (!read) {
      exchange.candidates = {};  // where it may go is not known
      return read.error();
    }
    wish = std::move(*read);
  }
  const auto eligible = policy_->eligible(asker_of(exchange), entry.index, wish);
  exchange.residency.grants = eligible.grants;
  exchange.residency.scope = eligible.scope;
  if (eligible.bound != nullptr) exchange.residency.rule = &eligible.bound->name;
  exchange.candidates =
      exchange::Candidates(entry.targets, eligible.order, eligible.groups, eligible.targets);
  if (eligible.scope != 0) {
    // Where another model or server is, which the provider may then ask, is not known.
    auto& facts = exchange.request.facts;
    if (facts.other_models || facts.other_places) return names_other_places(exchange);
    facts.other_models_refused = true;  // a form that streams is read on
  }
  if (!exchange.candidates.empty()) return Result<>();
  exchange.residency_refuses = true;
  return no_target(exchange.request.facts.model,
                   exchange.residency.rule ? *exchange.residency.rule : std::string());
}

std::vector<std::string_view> Route::public_names(const Exchange& exchange) const {
  std::vector<std::string_view> names;
  for (const auto& entry : table_->entries()) {
    if (!is_pattern(entry.name) && allowed(exchange, entry.name)) names.push_back(entry.name);
  }
  return names;
}

/// The public names that the key may use, and behind them those of the provider that takes what is
/// not listed, as far as the key may use them, too.
Task<Answer> Route::list_models(Exchange& exchange, exchange::Next next) const {
  const auto form = list_form(exchange);
  const auto names = public_names(exchange);
  const bool unchanged = names.empty() && exchange.principal->models.empty();
  if (table_->fallback() == nullptr) {
    co_return answer_json(merge_model_list(names, form, {}, {}));
  }
  auto answer = co_await next(exchange);
  if (unchanged) co_return std::move(answer);
  std::string provided;
  if (answer && (*answer)->head().status == 200 && (*answer)->reader() == nullptr) {
    auto body = co_await generation::read_whole((*answer)->content(), list_max, {});
    if (body) provided = std::move(body->text);
  }
  co_return answer_json(merge_model_list(
      names, form, provided, [&exchange](std::string_view id) { return allowed(exchange, id); }));
}

/// Error: not_found, permission, residency, invalid_request
Result<> Route::send_to(Exchange& exchange, const RouteTable::Entry& entry) const {
  exchange.candidates = exchange::Candidates(entry.targets);
  exchange.public_model = entry.name;
  exchange.rules = entry.rules;
  exchange.timeouts = &entry.timeouts;
  const auto bound = bind(exchange, entry);
  exchange.candidates.balance(entry.by_latency, entry.hedge ? &*entry.hedge : nullptr);
  return bound;
}

Task<Answer> Route::run(Exchange& exchange, exchange::Next next) {
  using dialect::Operation;
  const Operation operation = exchange.request.endpoint.operation();
  const bool recorded_here =
      operation == Operation::stored_response || operation == Operation::cancel_response;
  // Our own: no provider serves it.
  if (operation == Operation::generations) return next(exchange);
  if (operation == Operation::get_model) {
    const auto& model = exchange.request.facts.model;
    if (table_->lists(model) && allowed(exchange, model)) {
      return exchange::answer_with(answer_json(model_entry(model, list_form(exchange))));
    }
  }
  const bool lists = operation == Operation::list_models && exchange.method == "GET";
  if (lists && table_->fallback() == nullptr) return list_models(exchange, next);
  const auto entry = choose(exchange);
  if (!entry && recorded_here) return next(exchange);
  if (!entry) return exchange::answer_now(entry.error());
  if (!exchange.principal->models.empty()) exchange.request.facts.other_models_refused = true;
  const auto bound = send_to(exchange, **entry);
  if (!bound && !recorded_here) return exchange::answer_now(bound.error());
  if (!bound) exchange.residency_refuses = false;  // it is served from here then
  if (lists) return list_models(exchange, next);
  return next(exchange);
}

}  // namespace hawser::stage::route
