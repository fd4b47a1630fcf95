#include "stage/admit/admit.hpp"

#include "stage/admit/countable.hpp"
#include "stage/admit/limit_fields.hpp"
#include "telemetry/log.hpp"

namespace hawser::stage::admit {

using exchange::Answer;
using exchange::Exchange;

namespace {

/// Our own generations, lists of models, and one's own stored responses: nothing is made, and
/// nobody pays. All else counts, also where it costs nothing.
bool free_of_charge(const Exchange& exchange) {
  const dialect::Operation operation = exchange.request.endpoint.operation();
  return operation == dialect::Operation::generations ||
         operation == dialect::Operation::list_models ||
         operation == dialect::Operation::get_model ||
         operation == dialect::Operation::stored_response ||
         operation == dialect::Operation::cancel_response;
}

const exchange::Target* first_target(const Exchange& exchange) {
  return exchange.candidates.empty() ? nullptr : &exchange.candidates.front();
}

/// As its provider names it: that says how it counts.
std::string_view model_of(const Exchange& exchange) {
  if (!exchange.candidates.empty() && !exchange.candidates.front().model.empty()) {
    return exchange.candidates.front().model;
  }
  return exchange.request.facts.model;
}

/// Passes over all that `keep` is false for; the others stay in their order.
template <class Keep>
void keep_if(exchange::Candidates& candidates, Keep keep) {
  const std::size_t count = std::min(candidates.size(), exchange::Candidates::chosen_max);
  std::vector<std::uint8_t> order, groups;
  const exchange::Target* first = &candidates.front();
  const exchange::Target* last = first;
  for (std::size_t i = 0; i < count; ++i) {  // all stand in one list of the configuration
    first = std::min(first, &candidates[i]);
    last = std::max(last, &candidates[i]);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (!keep(candidates[i])) continue;
    order.push_back(static_cast<std::uint8_t>(&candidates[i] - first));
    groups.push_back(static_cast<std::uint8_t>(candidates.group(i)));
  }
  const exchange::Hedge* const hedge = candidates.hedge();
  candidates = exchange::Candidates({first, last + 1}, order, groups, ~std::uint64_t{0});
  candidates.balance(true, hedge);  // by the groups that they had
}

/// What to write where, so that it has a price.
Error unpriced(const Exchange& exchange, const exchange::Target& target, const Budget& budget) {
  const auto& traits = exchange.request.endpoint.traits();
  const std::string operation(traits.name);
  const std::string model = target.model.empty() ? exchange.request.facts.model : target.model;
  Error error{.code = Code::permission, .param = "price", .client_may_retry = false};
  if (model.empty()) {
    error.message = "A call of \"" + operation + "\" has no price";
  } else {
    error.message = "The model `" + model.substr(0, 200) + "` has no price at the provider \"" +
                    target.provider_name + "\" for a call of \"" + operation + "\"";
  }
  error.message += ", and the budget \"" + budget.name +
                   "\" is hard. Give it one under prices.models or prices.operations, or write "
                   "price: 0 there if it is free.";
  return error;
}

/// Its answer tells no usage, and whoever reads it later pays for nothing.
Error runs_on_uncounted() {
  return {.code = Code::permission,
          .message =
              "A hard budget or a limit of output tokens binds this request, and what a "
              "response in the background uses is not known to it. Ask without background, "
              "or have admission.background_responses allow it.",
          .param = "background",
          .client_may_retry = false};
}

/// Which of them answers, and what that costs, is known too late.
Error names_other_models(const Budget& budget) {
  return {.code = Code::permission,
          .message =
              "The request names further models, or a server, beside `model`: what it costs "
              "is not known, and the budget \"" +
              budget.name + "\" is hard.",
          .param = "models",
          .client_may_retry = false};
}

constexpr std::array wait_bounds{0.001, 0.005, 0.01, 0.05, 0.1,  0.25,
                                 0.5,   1.0,   2.5,  5.0,  10.0, 30.0};

double seconds(Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

LimitFigures limit_figures(telemetry::Registry& registry,
                           const std::vector<RateLimitConfig>& limits) {
  LimitFigures figures;
  for (const auto& limit : limits) {
    LimitSeries series;
    series.admitted = registry.counter("hawser_ratelimit_admitted_total",
                                       "Exchanges that a limit let pass.", {{"limit", limit.name}});
    series.refused = registry.counter("hawser_ratelimit_refused_total",
                                      "Exchanges that a limit refused.", {{"limit", limit.name}});
    figures.by_limit.push_back(series);
  }
  figures.over_budget =
      registry.counter("hawser_budget_refused_total", "Exchanges that a budget had no room for.");
  figures.unpriced =
      registry.counter("hawser_budget_unpriced_total",
                       "Exchanges that were refused because what they buy has no price.");
  figures.waiting = registry.gauge("hawser_ratelimit_waiting", "Exchanges that wait for a limit.");
  figures.wait = registry.histogram("hawser_ratelimit_wait_seconds",
                                    "How long exchanges waited for a limit.", wait_bounds);
  return figures;
}

/// Everything or nothing: one that has no room stays a while, the others go back at once.
Admit::Obstacle Admit::take_all(const Exchange& exchange, Holding& holding, Clock::time_point now) {
  Obstacle leaky;
  for (const Limit& limit : table_->limits()) {
    if (!limit.concerns(exchange) || holding.holds(limit)) continue;
    table_->name_counter(limit, exchange, first_target(exchange), name_);
    const auto& counter = limits_.known.at(name_, now);
    const auto verdict = holding.take(limit, counter, now);
    if (verdict.taken) continue;
    if (!limit.waits) return {&limit, counter, verdict.wait};
    if (leaky.limit == nullptr) leaky = {&limit, counter, verdict.wait};
  }
  return leaky;
}

/// A target whose own limit is used up is passed over for the next one. Where all of them are, the
/// one that has room first counts.
Admit::Obstacle Admit::take_all_somewhere(Exchange& exchange, Holding& holding,
                                          Clock::time_point now) {
  Obstacle nearest = take_all(exchange, holding, now);
  Obstacle obstacle = nearest;
  const auto passes_over = [&exchange](const Obstacle& met) {
    return met.limit != nullptr && met.limit->by_target && !met.limit->waits &&
           exchange.candidates.size() > 1;
  };
  while (passes_over(obstacle)) {
    holding.undo();
    exchange.candidates.drop_front();
    obstacle = take_all(exchange, holding, now);
    if (obstacle.limit == nullptr || !obstacle.limit->by_target || obstacle.wait < nearest.wait) {
      nearest = obstacle;
    }
  }
  return nearest;
}

/// Reads all of the body, and changes nothing. Where no limit counts tokens, nothing is read.
Admit::BodyFacts Admit::read_body(const Exchange& exchange) const {
  BodyFacts facts;
  const auto& request = exchange.request;
  if (!table_->counts_tokens()) return facts;
  facts.is_text = is_text(purchase_of(exchange)) && request.json && request.stream == nullptr;
  if (!facts.is_text) {
    facts.media = forecast_media(exchange, table_->defaults());
    return facts;
  }
  facts.text = text_facts(request, model_of(exchange));
  return facts;
}

/// What it may need.
std::unique_ptr<Holding> Admit::weigh(const Exchange& exchange, BodyFacts body) {
  const auto& request = exchange.request;
  HistoryPtr history;
  std::optional<tokenizer::Counter> counter;
  if (body.is_text) {
    history = limits_.histories.of(exchange);
    body.media = forecast_text(exchange, body.text, *history, table_->defaults());
    if (request.facts.stream) counter.emplace(tokenizer::encoding_for(model_of(exchange)));
  }
  if (!table_->reserves_most(exchange.principal->tenant)) body.media.output_most = 0;
  const AnswerTraits answer{.format = dialect::format_of(request.endpoint),
                            .choices = body.text.choices,
                            .background = request.facts.background};
  auto holding =
      std::make_unique<Holding>(table_, limits_.known, std::move(history), body.media.tokens,
                                body.text.asked, answer, std::move(counter));
  if (table_->bills()) {
    holding->charge_to(std::make_unique<Bill>(exchange, table_->billed_address(exchange),
                                              table_->prices(), limits_.shared.ledger.get(),
                                              std::move(body.media)));
  }
  return holding;
}

/// Passes over the targets where what is bought has no price, where a hard budget concerns it.
/// @return why it is refused; nothing: there is a target left, or nothing binds it
std::optional<Error> Admit::pass_over_unpriced(Exchange& exchange, const Bill& bill) {
  auto& candidates = exchange.candidates;
  const Budget* const hard = table_->hard_budget(exchange.principal->tenant);
  if (hard == nullptr || candidates.empty()) return std::nullopt;
  std::size_t priced = 0;
  while (priced < candidates.size() && bill.priced_at(candidates[priced])) ++priced;
  if (priced == candidates.size()) return std::nullopt;
  const Error error = unpriced(exchange, candidates[priced], *hard);
  keep_if(candidates, [&](const exchange::Target& target) { return bill.priced_at(target); });
  if (!candidates.empty()) return std::nullopt;
  if (exchange.notes) exchange.notes->refused("budget", hard->name);
  shard_.add(figures_.unpriced);
  return error;
}

// Not a coroutine: who need not wait passes without a frame.
Task<Answer> Admit::run(Exchange& exchange, exchange::Next next) {
  if (free_of_charge(exchange)) return next(exchange);
  if (table_->counts_tokens()) {
    if (const auto why = why_uncountable(exchange.request)) return exchange::answer_now(*why);
    const bool runs_on = exchange.request.facts.background;
    if (runs_on && !table_->defaults().background_responses && table_->binds_output(exchange)) {
      return exchange::answer_now(runs_on_uncounted());
    }
    const Budget* const hard = table_->hard_budget(exchange.principal->tenant);
    if (hard != nullptr) {
      if (exchange.request.facts.other_models) {
        return exchange::answer_now(names_other_models(*hard));
      }
      exchange.request.facts.other_models_refused = true;  // a form that streams is read on
    }
  }
  if (table_->counts_tokens() && exchange.request.body.size() > net::Offload::on_worker_max) {
    return read_and_run(exchange, next);
  }
  return run_read(exchange, next, read_body(exchange));
}

/// A body that is too long for a worker to read at once.
Task<Answer> Admit::read_and_run(Exchange& exchange, exchange::Next next) {
  BodyFacts body;
  auto work = [&] { body = read_body(exchange); };
  const auto done =
      co_await offload_.run(reactor_, exchange.principal, work, exchange.cancellation);
  if (!done) co_return done.error();
  co_return co_await run_read(exchange, next, std::move(body));
}

// Not a coroutine either.
Task<Answer> Admit::run_read(Exchange& exchange, exchange::Next next, BodyFacts body) {
  auto holding = weigh(exchange, std::move(body));
  if (const Bill* bill = holding->bill()) {
    if (const auto unpriced = pass_over_unpriced(exchange, *bill)) {
      return exchange::answer_now(*unpriced);
    }
  }
  Obstacle obstacle = take_all_somewhere(exchange, *holding, Clock::now());
  if (obstacle.limit == nullptr) return pass(exchange, next, std::move(holding));
  holding->undo();
  if (!obstacle.limit->waits) return exchange::answer_now(refuse(exchange, obstacle));
  return wait_and_pass(exchange, next, std::move(holding), std::move(obstacle));
}

Task<Answer> Admit::wait_and_pass(Exchange& exchange, exchange::Next next,
                                  std::unique_ptr<Holding> holding, Obstacle obstacle) {
  const auto begun = Clock::now();
  while (obstacle.limit != nullptr) {
    const auto until = begun + obstacle.limit->wait_max;
    const auto waited = co_await wait_for(exchange, *holding, obstacle, until);
    if (!waited) {
      holding->undo();
      if (waited.error().code == Code::cancelled) co_return waited.error();
      co_return refuse(exchange, obstacle);
    }
    obstacle = take_all(exchange, *holding, Clock::now());
    if (obstacle.limit != nullptr && !obstacle.limit->waits) {
      holding->undo();
      co_return refuse(exchange, obstacle);
    }
  }
  shard_.observe(figures_.wait, seconds(Clock::now() - begun));
  co_return co_await pass(exchange, next, std::move(holding));
}

// Not a coroutine either.
Task<Answer> Admit::pass(Exchange& exchange, exchange::Next next,
                         std::unique_ptr<Holding> holding) {
  if (const Budget* budget = take_budgets(exchange, *holding)) {
    holding->undo();
    return exchange::answer_now(refuse(exchange, *budget));
  }
  admit(exchange, std::move(holding));
  return next(exchange);
}

const Budget* Admit::take_budgets(Exchange& exchange, Holding& holding) {
  const Bill* const bill = holding.bill();
  if (bill == nullptr || !bill->buys() || exchange.candidates.empty()) return nullptr;
  const auto amount = bill->expected_at(exchange.candidates.front());
  const auto now = std::chrono::system_clock::now();
  for (const Budget& budget : table_->budgets()) {
    if (!holds(budget.tenants, exchange.principal->tenant)) continue;
    table_->name_counter(budget, exchange, first_target(exchange), name_);
    const auto& counter = limits_.known.at(name_, Clock::now());
    const Window window = window_at(budget.period, now);
    if (!holding.bill()->take(budget, counter, window, amount)) return &budget;
    if (budget.soft > 0 && counter->spend.spent(window.number) >= budget.soft) {
      warn(exchange, budget, counter->spend.first_warning(window.number));
    }
  }
  return nullptr;
}

/// On every answer in a header; in the log once a window, whichever worker is the first.
void Admit::warn(Exchange& exchange, const Budget& budget, bool first) {
  if (!exchange.answer_fields) exchange.answer_fields = std::make_unique<std::string>();
  exchange.answer_fields->append("x-hawser-budget-warning: ").append(budget.name).append("\r\n");
  if (!first) return;
  log::warn("a budget has reached its soft limit",
            {{"budget", log::safe(budget.name)},
             {"tenant", log::safe(exchange.principal->tenant)},
             {"soft_usd", log::safe(price::to_text(budget.soft))}});
}

Error Admit::refuse(Exchange& exchange, const Budget& budget) {
  if (exchange.notes) exchange.notes->refused("budget", budget.name);
  shard_.add(figures_.over_budget);
  tell(exchange);
  const auto now = std::chrono::system_clock::now();
  Error error{.code = Code::rate_limit};
  error.message = "The budget \"" + budget.name +
                  "\" has no room for this request until its next " +
                  (budget.period == Period::day ? "day" : "month") + ".";
  error.retry_after = std::chrono::ceil<milliseconds>(window_at(budget.period, now).end - now);
  return error;
}

/// Errors: cancelled, rate_limit when it takes too long or too many wait
Task<Result<>> Admit::wait_for(Exchange& exchange, Holding& holding, const Obstacle& obstacle,
                               Clock::time_point until) {
  const Limit& limit = *obstacle.limit;
  auto waiting = std::make_shared<Waiting>(reactor_);
  waiting->counter = obstacle.counter;
  waiting->pace = limit.pace;
  waiting->tenant = exchange.principal->tenant;
  waiting->share = table_->share_of(waiting->tenant);
  waiting->units = holding.amounts().of(limit.unit);
  if (!limits_.shared.turnstile.enter(waiting, limit.waiting_max, table_->waiting_max())) {
    co_return Error{.code = Code::rate_limit, .message = "too many wait"};
  }
  shard_.add(figures_.waiting);
  net::IoStatus status = net::IoStatus::ok;
  {
    const net::Cancellation::Binding bound(exchange.cancellation, waiting->waiter);
    status = co_await waiting->waiter.wait(until);
  }
  shard_.add(figures_.waiting, -1);
  waiting->gone = true;
  if (limits_.shared.turnstile.leave(waiting)) holding.add(limit, waiting->counter);
  if (status == net::IoStatus::cancelled) {
    co_return Error{.code = Code::cancelled, .message = "the client is gone"};
  }
  if (!holding.holds(limit))
    co_return Error{.code = Code::rate_limit, .message = "waited too long"};
  co_return Result<>();
}

void Admit::admit(Exchange& exchange, std::unique_ptr<Holding> holding) {
  for (const Limit& limit : table_->limits()) {
    if (holding->holds(limit)) shard_.add(figures_.by_limit[limit.index].admitted);
  }
  tell(exchange);
  holding->taken_at(first_target(exchange));
  exchange.reservation = std::move(holding);
}

/// How all of its limits stand, for the head of the answer.
void Admit::tell(Exchange& exchange) {
  std::vector<Standing> standings;
  const auto now = Clock::now();
  for (const Limit& limit : table_->limits()) {
    if (!limit.concerns(exchange)) continue;
    table_->name_counter(limit, exchange, first_target(exchange), name_);
    const auto& counter = limits_.known.at(name_, now);
    if (limit.unit == Unit::concurrent) {
      const auto taken = counter->places.taken();
      standings.push_back({&limit, limit.places > taken ? limit.places - taken : 0, {}});
    } else {
      standings.push_back({&limit, counter->bucket.left(limit.pace, now),
                           counter->bucket.until_full(limit.pace, now)});
    }
  }
  if (!exchange.answer_fields) exchange.answer_fields = std::make_unique<std::string>();
  append_limit_fields(standings, exchange.request.endpoint.dialect,
                      std::chrono::system_clock::now(), *exchange.answer_fields);
}

Error Admit::refuse(Exchange& exchange, const Obstacle& obstacle) {
  const Limit& limit = *obstacle.limit;
  if (exchange.notes) exchange.notes->refused("limit", limit.name);
  shard_.add(figures_.by_limit[limit.index].refused);
  tell(exchange);
  Error error{.code = Code::rate_limit};
  if (obstacle.wait == Clock::duration::max()) {
    error.message = "This request needs more than the limit \"" + limit.name + "\" (" +
                    std::to_string(limit.pace.burst) + ") ever allows at once.";
    error.client_may_retry = false;
    return error;
  }
  error.message = "Rate limit reached: \"" + limit.name + "\".";
  auto wait = obstacle.wait;
  if (limit.waits) {
    const auto ahead = limits_.shared.turnstile.units_waiting(*obstacle.counter);
    wait += Clock::duration(limit.pace.time_of(ahead));
  }
  // Those who were refused together shall not come back together.
  const double jitter = std::uniform_real_distribution<double>(1.0, 1.2)(random_);
  error.retry_after = std::chrono::ceil<milliseconds>(
      std::chrono::duration<double, std::nano>(static_cast<double>(wait.count()) * jitter));
  return error;
}

}  // namespace hawser::stage::admit
