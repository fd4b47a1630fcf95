#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>

#include "base/clock.hpp"
#include "base/master_key.hpp"
#include "base/strong.hpp"
#include "config/fields.hpp"
#include "http/breaker.hpp"
#include "http/endpoint.hpp"
#include "policy/tags.hpp"
#include "stage/cache/same_words.hpp"

namespace hawser::stage::cache {

/// Which requests are answered from the cache.
enum class Mode : std::uint8_t { off, deterministic, all };
inline auto names_of(Mode) {
  static constexpr config::EnumName<Mode> names[] = {
      {Mode::off, "off"}, {Mode::deterministic, "auto"}, {Mode::all, "all"}};
  return std::span(names);
}

/// Who shares an entry.
enum class Scope : std::uint8_t { key, user, team, tenant, global };
inline auto names_of(Scope) {
  static constexpr config::EnumName<Scope> names[] = {{Scope::key, "key"},
                                                      {Scope::user, "user"},
                                                      {Scope::team, "team"},
                                                      {Scope::tenant, "tenant"},
                                                      {Scope::global, "global"}};
  return std::span(names);
}

/// For one model in place of the general rules; what is absent is as they say.
struct ModelCacheConfig {
  std::optional<Mode> mode{};
  std::optional<milliseconds> ttl{};
  std::optional<Scope> scope{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("mode", mode, config::Anything{}, "In place of cache.mode; absent: as there.");
    field("ttl", ttl, config::Range<milliseconds>{1s, 24h * 90},
          "In place of cache.ttl; absent: as there.");
    field("scope", scope, config::Anything{}, "In place of cache.scope; absent: as there.");
  }
};

/// The tier that outlives the process.
struct DiskConfig {
  std::string path{};
  Secret key{};
  Bytes size_max{1024 * 1024 * 1024};
  policy::Tags tags{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("path", path, config::Required{},
          "File of the entries, of this gateway alone; made where it is missing. All of "
          "cache.disk is read at start.");
    field("key", key, config::Required{},
          "What entries are sealed with: 32 bytes, as 64 hexadecimal digits or in base64. With "
          "another one nothing that is stored can be read. ${env:NAME} or ${file:PATH}.");
    field("size_max", size_max,
          config::Range<Bytes>{Bytes{1024 * 1024}, Bytes{16ull * 1024 * 1024 * 1024 * 1024}},
          "The file, without its log of up to 8 MiB; what was read longest ago makes room.");
    field("tags", tags, config::Anything{},
          "Where the disk is, for rules of residency; what is not said is as for node.");
  }
  std::vector<config::Problem> check() const {
    const auto parsed = MasterKey::parse(key);
    if (parsed) return {};
    return {{"key", parsed.error().message}};
  }
};

/// Answers to questions that are asked in other words.
struct SemanticConfig {
  http::EndpointConfig endpoint{};
  std::string model{};
  std::chrono::milliseconds timeout{30};
  double error_bound = 0.01;
  Words words = Words::strict;
  double verify = 0.01;
  std::uint32_t entries_max = 100'000;
  Bytes memory_max{256 * 1024 * 1024};
  Bytes text_max{2 * 1024};
  http::BreakerConfig breaker{};
  std::vector<std::string> models{};

  template <class Visitor>
  void fields(Visitor&& field) {
    endpoint.fields(field);
    field("model", model, config::Required{}, "The embedding model.");
    field("timeout", timeout, config::Range<milliseconds>{5ms, 5s},
          "How long a client waits for an embedding; then it is a miss.");
    field("error_bound", error_bound, config::Range<double>{0.001, 0.1},
          "The share of wrong answers that is not passed, as sure as what was learned makes it.");
    field("words", words, config::Anything{},
          "strict: no word of meaning may differ; loose: numbers, names, negations, quotes and the "
          "order of words may not, the rest is learned.");
    field("verify", verify, config::Range<double>{0, 1},
          "The share of answers that is compared with the model's own all the same.");
    field("entries_max", entries_max, config::Range<std::uint32_t>{16, 10'000'000},
          "Questions that are kept; read at start.");
    field("memory_max", memory_max,
          config::Range<Bytes>{Bytes{1024 * 1024}, Bytes{1024ll * 1024 * 1024 * 1024}},
          "Bytes that they may take with their vectors; read at start.");
    field("text_max", text_max, config::Range<Bytes>{Bytes{64}, Bytes{16 * 1024}},
          "Longer questions are not looked up.");
    field("breaker", breaker, config::Anything{},
          "When the embedding model fails again and again.");
    field("models", models, config::Anything{},
          "Public names of models whose answers may be given so; empty: all.");
  }
};

struct CacheConfig {
  Mode mode = Mode::off;
  milliseconds ttl{3'600'000};
  Scope scope = Scope::key;
  milliseconds negative_ttl{30'000};
  milliseconds stale_while_revalidate{60'000};
  milliseconds stale_if_error{24 * 3'600'000};
  Bytes memory_max{256 * 1024 * 1024};
  Bytes entry_max{2 * 1024 * 1024};
  std::optional<DiskConfig> disk{};
  std::optional<SemanticConfig> semantic{};
  config::Map<ModelCacheConfig> models{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("mode", mode, config::Anything{},
          "off; auto: requests that ask for the same answer each time (temperature 0 or a seed), "
          "embeddings and moderations; all: whatever may be stored.");
    field("ttl", ttl, config::Range<milliseconds>{1s, 24h * 90},
          "How long an answer is fresh; up to a tenth more or less, so that not all end at once.");
    field("scope", scope, config::Anything{},
          "Who shares an answer. From user on, others may find out by its speed and headers what "
          "was asked before; global is for public data only: it crosses tenants.");
    field("negative_ttl", negative_ttl, config::Range<milliseconds>{0ms, 10min},
          "How long a refusal that will not change (400, 404) is repeated; 0: never.");
    field("stale_while_revalidate", stale_while_revalidate, config::Range<milliseconds>{0ms, 24h},
          "So long behind its ttl an answer is given once more while a new one is fetched.");
    field("stale_if_error", stale_if_error, config::Range<milliseconds>{0ms, 24h * 30},
          "So long behind its ttl an answer is given, marked, when no provider answers.");
    field("memory_max", memory_max,
          config::Range<Bytes>{Bytes{1024 * 1024}, Bytes{1024ull * 1024 * 1024 * 1024}},
          "All entries; read at start.");
    field("entry_max", entry_max, config::Range<Bytes>{Bytes{1024}, Bytes{1024 * 1024 * 1024}},
          "One entry; a longer answer is not stored.");
    field("disk", disk, config::Anything{},
          "Keeps entries in a file too, so that they outlive the process; absent: memory alone.");
    field("semantic", semantic, config::Anything{},
          "Also answers questions that are asked in other words; absent: never.");
    field("models", models, config::Anything{},
          "Other rules for a model, by its public name as it stands under models.");
  }
  /// Whether anything is answered from the cache.
  bool enabled() const {
    return mode != Mode::off || std::any_of(models.begin(), models.end(), [](const auto& model) {
             return model.second.mode.value_or(Mode::off) != Mode::off;
           });
  }
  std::vector<config::Problem> warnings() const {
    std::vector<config::Problem> out;
    for (const auto& [name, model] : models) {
      if (mode != Mode::off || model.mode) continue;
      out.push_back({"models." + name, "has no effect: cache.mode is off, and it sets no mode"});
    }
    return out;
  }
};

}  // namespace hawser::stage::cache
