#include "stage/cache/cache.hpp"

#include <cstdio>

#include "dialect/chat_shape.hpp"
#include "dialect/object_references.hpp"
#include "stage/cache/filling.hpp"
#include "stage/cache/replay.hpp"

namespace hawser::stage::cache {

using exchange::Answer;
using exchange::Exchange;

namespace {

std::int64_t seconds(milliseconds time) {
  return std::chrono::floor<std::chrono::seconds>(time).count();
}

/// The fields that belong to the answer itself, not to the call that made it.
std::string kept_fields(std::string_view fields) {
  std::string out;
  while (!fields.empty()) {
    const auto end = std::min(fields.find("\r\n"), fields.size() - 2) + 2;
    const std::string_view field = fields.substr(0, end);
    const std::string_view name = field.substr(0, field.find(':'));
    for (const auto kept : {"content-type", "openai-version", "anthropic-version"}) {
      if (wire::same_token(name, kept)) out.append(field);
    }
    fields.remove_prefix(end);
  }
  return out;
}

bool failed(const Answer& answer) {
  if (!answer) return answer.error().code != Code::cancelled;
  const int status = (*answer)->head().status;
  return status >= 500 || status == 429;
}

void mark(generation::AnswerHead& head, std::string_view word, const std::string& status) {
  head.fields.append("x-hawser-cache: ").append(word).append("\r\n");
  head.fields.append("Cache-Status: hawser; ").append(status).append("\r\n");
}

/// Under whose key an entry is sealed: of those who share it, and of nobody else.
std::optional<std::string> owner_of(const Exchange& exchange, Scope scope) {
  if (scope == Scope::global) return std::nullopt;
  return std::string(exchange.principal->tenant);
}

/// Into both tiers; the disk first, so that a purge, which begins there, never finds an entry in
/// memory alone. Refusals end before a restart would.
void store(const Cache::Shelves& shelves, const Key& key, EntryPtr entry, const CacheConfig& config,
           const std::optional<std::string>& owner) {
  if (shelves.disk != nullptr && entry->status == 200) {
    const auto stale_for = std::max(config.stale_while_revalidate, config.stale_if_error);
    shelves.disk->put(key, *entry, owner, stale_for);
  }
  shelves.memory.put(key, std::move(entry));
}

void note(exchange::Notes& notes, const char* result, std::string_view detail) {
  notes.cache = result;
  notes.cache_tier = detail.find("disk") != std::string_view::npos       ? "disk"
                     : detail.find("semantic") != std::string_view::npos ? "semantic"
                                                                         : "memory";
}

/// Whether entries are one key's.
bool alone(Scope scope) {
  return scope == Scope::key || scope == Scope::user;
}

/// Whether a request refers to files and the like, which not all who share entries may see: whose
/// they are is asked further down, where a hit never comes.
bool names_objects(const exchange::Request& request) {
  bool any = false;
  const auto read =
      dialect::for_each_reference(request.body, dialect::reference_rules(request.endpoint),
                                  [&](dialect::ObjectKind, std::string_view) { any = true; });
  return any || read != dialect::ReferencesRead::all;
}

/// A stream without its chunk of usage.
std::string without_usage(std::string_view frames) {
  constexpr std::string_view empty = "\"choices\":[]";
  std::string out(frames);
  const auto at = out.rfind(empty);
  if (at == std::string::npos) return out;
  const auto begin = out.rfind("\n\n", at);
  const auto end = out.find("\n\n", at);
  if (end == std::string::npos) return out;
  const std::size_t from = begin == std::string::npos ? 0 : begin + 2;
  return out.erase(from, end + 2 - from);
}

}  // namespace

CacheFigures cache_figures(telemetry::Registry& registry) {
  constexpr auto help = "Requests that the cache looked at, by what came of it.";
  const auto result = [&](const char* word) {
    return registry.counter("hawser_cache_requests_total", help, {{"result", word}});
  };
  CacheFigures figures;
  figures.hits = result("hit");
  figures.misses = result("miss");
  figures.stale = result("stale");
  figures.bypassed = result("bypass");
  figures.stored = registry.counter("hawser_cache_stored_total", "Answers that were stored.");
  figures.saved_tokens =
      registry.counter("hawser_saved_tokens_total", "Tokens that nobody had to pay for again.",
                       {{"cause", "cache"}});
  const auto looked = [&registry](const char* word) {
    return registry.counter("hawser_cache_disk_requests_total",
                            "Looks at the cache's disk, by what came of them.", {{"result", word}});
  };
  figures.disk_hits = looked("hit");
  figures.disk_misses = looked("miss");
  figures.disk_late = looked("timeout");
  figures.disk_errors = looked("error");
  return figures;
}

Cache::Cache(std::shared_ptr<const CacheConfig> config, const Shelves& shelves,
             const Worker& worker, const CacheFigures& figures, RunAside run_aside,
             PassedFieldsPtr passed, std::shared_ptr<Semantic> semantic)
    : config_(std::move(config)),
      passed_(std::move(passed)),
      general_{config_->mode, config_->ttl, config_->scope},
      shelf_(shelves.memory),
      disk_(shelves.disk),
      reactor_(worker.reactor),
      bytes_(worker.bytes),
      offload_(worker.offload),
      shard_(worker.shard),
      figures_(figures),
      run_aside_(std::move(run_aside)),
      semantic_(std::move(semantic)) {
  for (const auto& [name, model] : config_->models) {
    by_model_.emplace(name, general_.overridden_by(model));
  }
}

const Cache::Rules& Cache::rules_of(const Exchange& exchange) const {
  const auto found = by_model_.find(exchange.public_model);
  return found == by_model_.end() ? general_ : found->second;
}

// Not a coroutine: what is not for the cache passes without a frame.
Task<Answer> Cache::run(Exchange& exchange, exchange::Next next) {
  const auto& request = exchange.request;
  Asked asked{rules_of(exchange), {}, {}, {}, {}, nullptr, {}};
  const bool whole = request.json && request.stream == nullptr && exchange.method == "POST";
  if (asked.rules.mode == Mode::off || !whole || exchange.candidates.empty()) {
    return next(exchange);
  }
  asked.control = parse_control(exchange.request.header("cache-control"));
  if (request.body.size() > net::Offload::on_worker_max) {
    return weigh_and_look(exchange, next, std::move(asked));
  }
  if (weigh(exchange, asked)) return look(exchange, next, std::move(asked));
  return bypass(exchange, next, asked);
}

/// Reads all of the body, and changes nothing but `asked`. @return whether it is for the cache
bool Cache::weigh(const Exchange& exchange, Asked& asked) const {
  const auto& request = exchange.request;
  asked.facts = cacheability_of(request.endpoint.api, request.endpoint.tail, request.body);
  const bool may = exchange.residency.grants.allow(policy::Grants::memory_cache);
  const bool wanted = asked.facts.deterministic || asked.rules.mode == Mode::all;
  if (!asked.facts.possible || !wanted || !may || asked.control.no_store) return false;
  if (!alone(asked.rules.scope) && names_objects(request)) return false;
  asked.target = &exchange.candidates.front();
  auto canonical = canonical_request(request.body, dialect::format_of(request.endpoint));
  if (!canonical) return false;
  asked.canonical = std::move(*canonical);
  asked.key = key_of(exchange, {asked.canonical, *passed_}, asked.rules.scope, *asked.target,
                     shelf_.secret());
  return true;
}

/// A body that is too long for a worker to read at once. Its canonical form is a copy, which is
/// made only where there is memory for one.
Task<Answer> Cache::weigh_and_look(Exchange& exchange, exchange::Next next, Asked asked) {
  asked.lease = lease(exchange);
  bool cacheable = false;
  if (asked.lease.try_grow(exchange.request.body.size())) {
    auto work = [&] { cacheable = weigh(exchange, asked); };
    const auto done =
        co_await offload_.run(reactor_, exchange.principal, work, exchange.cancellation);
    if (!done) co_return done.error();
  }
  if (!cacheable) {
    asked.lease.release();
    co_return co_await bypass(exchange, next, asked);
  }
  co_return co_await look(exchange, next, std::move(asked));
}

/// Not for the cache.
Task<Answer> Cache::bypass(Exchange& exchange, exchange::Next next, const Asked& asked) {
  if (asked.control.only_if_cached) {
    return exchange::answer_now({.code = Code::timeout,
                                 .message = "The answer is not in the cache (only-if-cached).",
                                 .client_may_retry = false});
  }
  shard_.add(figures_.bypassed);
  if (exchange.notes) exchange.notes->cache = "bypass";
  return next(exchange);
}

net::ByteLease Cache::lease(const Exchange& exchange) const {
  return bytes_.lease(net::MemoryKind::copy, exchange.principal->tenant, exchange.principal->key);
}

Cache::Freshness Cache::freshness_of(const Entry& entry, const Control& control,
                                     milliseconds age) const {
  milliseconds ttl = entry.ttl;
  if (control.max_age) ttl = std::min(ttl, *control.max_age);
  const milliseconds wanted = control.min_fresh.value_or(0ms);
  if (wanted <= ttl && age < ttl - wanted) return Freshness::fresh;
  if (control.max_age || control.min_fresh || entry.status != 200) return Freshness::stale;
  const milliseconds behind = age - entry.ttl;
  if (control.max_stale && behind < *control.max_stale) return Freshness::fresh;
  return behind < config_->stale_while_revalidate ? Freshness::revalidate : Freshness::stale;
}

/// What the second tier has goes into the first one.
Task<EntryPtr> Cache::find_on_disk(Exchange& exchange, const Asked& asked) {
  const auto purges = shelf_.purges();
  auto found = co_await disk_->find(reactor_, asked.key, owner_of(exchange, asked.rules.scope),
                                    exchange.cancellation);
  using Outcome = DiskShelf::Found::Outcome;
  shard_.add(found.outcome == Outcome::hit    ? figures_.disk_hits
             : found.outcome == Outcome::miss ? figures_.disk_misses
             : found.outcome == Outcome::late ? figures_.disk_late
                                              : figures_.disk_errors);
  if (auto newer = shelf_.find(asked.key)) co_return newer;
  if (!found.entry) co_return nullptr;
  shelf_.put(asked.key, found.entry);
  if (shelf_.purges() != purges) {  // perhaps it was read just before it was purged
    shelf_.erase(asked.key);
    co_return nullptr;
  }
  co_return std::move(found.entry);
}

Task<Answer> Cache::look(Exchange& exchange, exchange::Next next, Asked asked) {
  EntryPtr entry = asked.control.no_cache ? nullptr : shelf_.find(asked.key);
  const char* detail = "";
  if (!entry && disk_of(exchange) != nullptr && !asked.control.no_cache) {
    entry = co_await find_on_disk(exchange, asked);
    detail = "; detail=disk";
    if (exchange.cancellation.cancelled()) {
      co_return Error{.code = Code::cancelled, .message = "cancelled"};
    }
  }
  if (entry) {
    const auto freshness = freshness_of(*entry, asked.control, entry->age(WallClock::now()));
    if (freshness != Freshness::stale) {
      auto answer = answer_from(exchange, asked, entry, detail);
      if (answer && *answer) {
        if (freshness == Freshness::revalidate) refresh(exchange, asked.key);
        shard_.add(figures_.hits);
        shard_.add(figures_.saved_tokens, std::int64_t{entry->usage.input} + entry->usage.output);
        co_return std::move(answer);
      }
    }
  }
  const bool short_enough = asked.canonical.size() <= net::Offload::on_worker_max;
  if (!entry && semantic_ && short_enough) {
    auto near = co_await answer_by_meaning(exchange, asked);
    if (!near || *near) co_return std::move(near);
  }
  if (asked.control.only_if_cached) {
    co_return Error{.code = Code::timeout,
                    .message = "The answer is not in the cache (only-if-cached).",
                    .client_may_retry = false};
  }
  auto answer = co_await next(exchange);
  if (entry && entry->status == 200 && failed(answer)) {
    const auto behind = entry->age(WallClock::now()) - entry->ttl;
    if (behind < config_->stale_if_error) {
      auto stale = answer_from(exchange, asked, entry, "; detail=stale-if-error");
      if (stale && *stale) {
        shard_.add(figures_.stale);
        co_return std::move(stale);
      }
    }
  }
  shard_.add(figures_.misses);
  if (exchange.notes) exchange.notes->cache = "miss";
  co_return keep(exchange, asked, std::move(answer));
}

/// @return null where the model is to be asked
Task<Answer> Cache::answer_by_meaning(Exchange& exchange, Asked& asked) {
  asked.meaning =
      semantic_->weigh(exchange, asked.canonical, asked.rules.scope, asked.facts.deterministic);
  if (!asked.meaning) co_return generation::GenerationPtr();
  co_await semantic_->look(asked.meaning, !asked.control.no_cache);
  if (exchange.cancellation.cancelled()) {
    co_return Error{.code = Code::cancelled, .message = "cancelled"};
  }
  const EntryPtr entry = asked.meaning->answer;
  if (!entry) co_return generation::GenerationPtr();
  char detail[48];
  std::snprintf(detail, sizeof detail, "; detail=semantic; sim=%.3f",
                asked.meaning->near->similarity);
  auto answer = answer_from(exchange, asked, entry, detail);
  if (!answer || !*answer) co_return std::move(answer);
  if (asked.meaning->verify) refresh(exchange, asked.key);
  shard_.add(figures_.hits);
  shard_.add(figures_.saved_tokens, std::int64_t{entry->usage.input} + entry->usage.output);
  co_return std::move(answer);
}

Answer Cache::answer_from(const Exchange& exchange, const Asked& asked, const EntryPtr& entry,
                          std::string_view detail) {
  const dialect::Api api = exchange.request.endpoint.api;
  const bool stream = exchange.request.facts.stream && entry->status == 200;
  const bool usage = asked.facts.with_usage;
  std::optional<std::string> content;
  if (stream == entry->stream) {
    if (stream && usage && !entry->with_usage) return generation::GenerationPtr();
    content =
        stream && !usage && entry->with_usage ? without_usage(entry->content) : entry->content;
  } else {
    content = stream ? dialect::stream_of_body(api, entry->content, usage)
                     : dialect::body_of_stream(api, entry->content);
  }
  if (!content) return generation::GenerationPtr();
  generation::AnswerHead head;
  head.status = entry->status;
  head.event_stream = stream;
  head.fields = stream == entry->stream ? entry->fields
                : stream                ? "Content-Type: text/event-stream; charset=utf-8\r\n"
                                        : "Content-Type: application/json\r\n";
  const milliseconds age = entry->age(WallClock::now());
  head.fields.append("Age: ").append(std::to_string(seconds(age))).append("\r\n");
  std::string status = "hit; ttl=" + std::to_string(seconds(entry->ttl - age));
  mark(head, age < entry->ttl ? "hit" : "stale", status.append(detail));
  if (exchange.notes) note(*exchange.notes, age < entry->ttl ? "hit" : "stale", detail);
  if (!stream) return generation::make_whole(std::move(head), std::move(*content));
  return std::make_unique<generation::Generation>(
      std::move(head),
      std::make_unique<Replay>(reactor_, std::move(*content), entry->usage,
                               pause_of(exchange.request.header("x-hawser-replay"))));
}

milliseconds Cache::jittered(milliseconds ttl) {
  const double factor = std::uniform_real_distribution<double>(0.9, 1.1)(random_);
  return milliseconds(static_cast<std::int64_t>(static_cast<double>(ttl.count()) * factor));
}

/// Lets the answer pass and keeps it, where it may be given again: filed under the target that
/// really answered, for a fallback's answer is not what the first one would have said.
Answer Cache::keep(const Exchange& exchange, const Asked& asked, Answer answer) {
  if (!answer || (*answer)->reader() != nullptr || exchange.trail.target == nullptr) {
    return answer;
  }
  generation::AnswerHead& head = (*answer)->head();
  const bool negative = head.status == 400 || head.status == 404;
  const bool stores =
      head.status == 200 || (negative && config_->negative_ttl > 0ms &&
                             !holds_more_than_its_key(exchange.request.body, asked.canonical));
  mark(head, "miss", stores ? "fwd=miss; stored" : "fwd=miss");
  if (!stores) return answer;
  const bool first = exchange.trail.target == asked.target;
  const Key key = first ? asked.key
                        : key_of(exchange, {asked.canonical, *passed_}, asked.rules.scope,
                                 *exchange.trail.target, shelf_.secret());
  Entry entry;
  entry.status = head.status;
  entry.fields = kept_fields(head.fields);
  entry.stream = head.event_stream;
  entry.with_usage = asked.facts.with_usage;
  entry.tenant = exchange.principal->tenant;
  entry.model = exchange.public_model;
  entry.ttl = jittered(negative ? config_->negative_ttl : asked.rules.ttl);
  const dialect::Api api = exchange.request.endpoint.api;
  auto whole = [shelves = Shelves{shelf_, disk_of(exchange)}, &shard = shard_,
                series = figures_.stored, key, api, bounded = asked.facts.bounded,
                entry = std::move(entry), config = config_,
                owner = owner_of(exchange, asked.rules.scope), semantic = semantic_,
                meaning = asked.meaning](std::string content, const dialect::Usage& usage) mutable {
    const bool refusal = entry.status != 200;
    if (!refusal) {
      std::optional<std::string> body;
      if (entry.stream) body = dialect::body_of_stream(api, content);
      if (entry.stream && !body) return;
      const auto ending = dialect::ending_of(api, body ? *body : content);
      if (!ending.whole || ending.filtered || (ending.length && !bounded)) return;
    }
    entry.content = std::move(content);
    entry.usage = usage;
    entry.stored = WallClock::now();
    auto kept = std::make_shared<const Entry>(std::move(entry));
    store(shelves, key, kept, *config, owner);
    if (meaning) semantic->learn(meaning, key, std::move(kept), api);
    shard.add(series);
  };
  auto content = std::make_unique<Filling>((*answer)->take_content(), config_->entry_max.count(),
                                           lease(exchange), std::move(whole));
  return std::make_unique<generation::Generation>(std::move(head), std::move(content));
}

/// The same request once more, beside the client's, for a new entry.
void Cache::refresh(const Exchange& exchange, const Key& key) {
  if (!shelf_.begin_refresh(key)) return;
  auto given = exchange::copy_request(exchange);
  given.id += "-refresh";
  if (!exchange.request.asked.empty()) given.body = exchange.request.asked;
  std::erase_if(given.fields, [](const auto& field) {
    return wire::same_token(field.first, "cache-control") ||
           wire::same_token(field.first, "idempotency-key");
  });
  given.fields.emplace_back("cache-control", "no-cache");
  given.fields.emplace_back("x-hawser-reattach", "off");
  run_aside_(std::move(given), [&shelf = shelf_, key] { shelf.end_refresh(key); });
}

}  // namespace hawser::stage::cache
