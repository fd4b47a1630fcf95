#include "stage/cache/semantic.hpp"

#include <algorithm>

#include "dialect/chat_shape.hpp"
#include "dialect/rewrite_text.hpp"
#include "stage/cache/same_words.hpp"

namespace hawser::stage::cache {
namespace {

constexpr double similarity_min = 0.7;            // below it nothing is looked at further
constexpr double temperature_max = 0.3;           // above it an answer is not meant to be the same
constexpr double answers_agree_at = 0.9;          // cosine
constexpr std::size_t compared_max = 256 * 1024;  // bytes of an answer
constexpr auto unhurried = 5s;

/// What an answer says.
std::string text_of(const Entry& entry, dialect::Api api) {
  std::optional<std::string> body;
  if (entry.stream) body = dialect::body_of_stream(api, entry.content);
  std::string text;
  (void)dialect::rewrite_texts(body ? *body : entry.content,
                               [&](const dialect::FoundText& found, std::string&) {
                                 if (!text.empty()) text += '\n';
                                 text += found.text;
                                 return false;
                               });
  return text;
}

double cosine(const Vector& a, const Vector& b) {
  if (a.size() != b.size()) return 0;
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

}  // namespace

SemanticSeries semantic_series(telemetry::Registry& registry) {
  constexpr std::array words{"hit", "none", "words", "explore", "away"};
  SemanticSeries series;
  for (std::size_t i = 0; i < words.size(); ++i) {
    series.outcomes[i] =
        registry.counter("hawser_semantic_cache_requests_total",
                         "Questions that were looked up by their meaning, by what came of it.",
                         {{"result", words[i]}});
  }
  const auto compared = [&](const char* word) {
    return registry.counter("hawser_semantic_cache_compared_total",
                            "Kept answers compared with the model's own, by whether they agreed.",
                            {{"agreed", word}});
  };
  series.right = compared("true");
  series.wrong = compared("false");
  return series;
}

Semantic::Semantic(Parts parts)
    : parts_(std::move(parts)),
      embedder_(parts_.endpoint, parts_.pool, parts_.config->model, parts_.config->timeout,
                parts_.config->breaker),
      unhurried_(parts_.endpoint, parts_.pool, parts_.config->model, unhurried,
                 parts_.config->breaker) {}

Semantic::MeaningPtr Semantic::weigh(const exchange::Exchange& exchange, std::string_view canonical,
                                     Scope scope, bool deterministic) const {
  const auto& models = parts_.config->models;
  const bool listed = models.empty() || std::find(models.begin(), models.end(),
                                                  exchange.public_model) != models.end();
  if (!listed || exchange.request.endpoint.api != dialect::Api::chat) return nullptr;
  if (!exchange.residency.grants.allow(policy::Grants::embedding)) return nullptr;
  auto shape = prompt_shape(canonical);
  if (!shape || shape->question.size() > parts_.config->text_max.count()) return nullptr;
  if (!deterministic && shape->temperature > temperature_max) return nullptr;
  auto meaning = std::make_shared<Meaning>();
  // What is learned may be another target's answer: it is for those with the same targets only.
  std::string context = std::move(shape->context);
  if (exchange.residency.scope != 0) {
    context.append("\nresidency ").append(std::to_string(exchange.residency.scope));
  }
  meaning->context = key_of(exchange, {context, *parts_.passed}, scope, exchange.candidates.front(),
                            parts_.shelf.secret());
  meaning->question = std::move(shape->question);
  return meaning;
}

Semantic::Choice Semantic::choose(const Meaning& meaning) const {
  Choice choice;
  for (auto& near : parts_.neighbours.nearest(meaning.context, meaning.vector)) {
    if (near.similarity < similarity_min) break;
    if (same_words(meaning.question, near.question, parts_.config->words)) {
      choice.found = std::move(near);
      break;
    }
    choice.why = Near::words;
  }
  return choice;
}

Task<> Semantic::look(MeaningPtr meaning, bool may_give) {
  const auto self = shared_from_this();
  auto vector = co_await embedder_.embed(meaning->question);
  if (!vector) {
    count(Near::away);
    co_return;
  }
  meaning->vector = std::move(*vector);
  auto [near, why] = choose(*meaning);
  if (!near) {
    count(why);
    co_return;
  }
  EntryPtr answer = parts_.shelf.find(near->key);
  if (!answer || answer->age(WallClock::now()) >= answer->ttl) {
    parts_.neighbours.erase(meaning->context, near->id);
    count(Near::none);
    co_return;
  }
  const double explore = near->belief.explore(near->similarity, parts_.config->error_bound);
  const double dice = std::uniform_real_distribution<double>(0, 1)(random_);
  const bool gives = may_give && dice >= explore;
  if (gives) {
    meaning->verify = std::uniform_real_distribution<double>(0, 1)(random_) < parts_.config->verify;
    meaning->answer = std::move(answer);
  }
  meaning->near = std::move(near);
  count(gives ? Near::hit : Near::explore);
}

/// An answer of the model's own: it is compared with what would have been given, and may be given
/// itself from now on.
void Semantic::learn(MeaningPtr meaning, const Key& key, EntryPtr answer, dialect::Api api) {
  if (meaning->vector.empty() || answer->status != 200) return;
  EntryPtr kept = meaning->near ? parts_.shelf.find(meaning->near->key) : nullptr;
  if (kept && meaning->near->key != key) {
    // Of answers that are too long to be compared at once, nothing is learned.
    if (kept->content.size() > compared_max || answer->content.size() > compared_max) return;
    std::string before = text_of(*kept, api), now = text_of(*answer, api);
    spawn(compare(meaning, std::move(before), std::move(now)), [](std::exception_ptr) {});
    return;  // one answer a meaning is enough
  }
  if (meaning->near && meaning->near->key == key) return;
  parts_.neighbours.add(meaning->context, meaning->vector,
                        {key, meaning->question, answer->tenant, answer->model});
}

Task<> Semantic::compare(MeaningPtr meaning, std::string kept, std::string fresh) {
  const auto self = shared_from_this();
  bool agree = kept == fresh;
  if (!agree && same_facts(kept, fresh)) {
    const auto one = co_await unhurried_.embed(kept);
    if (!one) co_return;
    const auto other = co_await unhurried_.embed(fresh);
    if (!other) co_return;
    agree = cosine(*one, *other) >= answers_agree_at;
  }
  parts_.shard.add(agree ? parts_.series.right : parts_.series.wrong);
  const auto& near = *meaning->near;
  parts_.neighbours.observe(meaning->context, near.id, near.similarity, agree);
}

}  // namespace hawser::stage::cache
