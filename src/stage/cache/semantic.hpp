#pragma once

#include <memory>
#include <optional>
#include <random>

#include "exchange/exchange.hpp"
#include "net/reactor.hpp"
#include "stage/cache/config.hpp"
#include "stage/cache/embedder.hpp"
#include "stage/cache/neighbours.hpp"
#include "stage/cache/prompt_shape.hpp"
#include "stage/cache/shelf.hpp"
#include "telemetry/metrics.hpp"

namespace hawser::stage::cache {

/// What came of a look for an answer to a question that means the same.
enum class Near : std::uint8_t { hit, none, words, explore, away };
struct SemanticSeries {
  std::array<telemetry::SeriesId, 5> outcomes{};  // by Near
  telemetry::SeriesId right{};                    // answers compared: they agreed
  telemetry::SeriesId wrong{};
};
SemanticSeries semantic_series(telemetry::Registry& registry);

/// Finds answers to questions that are asked in other words. Of one worker; answers that are still
/// being read hold it.
class Semantic : public std::enable_shared_from_this<Semantic> {
 public:
  struct Parts {
    std::shared_ptr<const SemanticConfig> config;
    std::shared_ptr<const http::Endpoint> endpoint;
    std::shared_ptr<http::OriginPool> pool;
    Neighbours& neighbours;
    Shelf& shelf;
    telemetry::Shard& shard;
    SemanticSeries series;
    PassedFieldsPtr passed;
  };
  explicit Semantic(Parts parts);

  /// One question: as it was placed, and who is nearest.
  struct Meaning {
    Key context{};
    std::string question{};
    Vector vector{};
    std::optional<Neighbours::Found> near{};  // whose answer is to be compared with the new one
    EntryPtr answer{};                        // to be given; null: the model is asked
    bool verify = false;                      // and the model is asked beside it
  };
  using MeaningPtr = std::shared_ptr<Meaning>;

  /// Null: this request is not one that is answered by its meaning.
  MeaningPtr weigh(const exchange::Exchange& exchange, std::string_view canonical, Scope scope,
                   bool deterministic) const;
  /// Places it and decides. @param may_give  else the model is asked in any case
  Task<> look(MeaningPtr meaning, bool may_give);
  /// The model's own answer to it is on the shelf.
  void learn(MeaningPtr meaning, const Key& key, EntryPtr answer, dialect::Api api);

 private:
  /// The nearest question that asks for the same in its words.
  struct Choice {
    std::optional<Neighbours::Found> found{};
    Near why = Near::none;  // where there is none
  };
  Choice choose(const Meaning& meaning) const;
  Task<> compare(MeaningPtr meaning, std::string kept, std::string fresh);
  void count(Near near) {
    parts_.shard.add(parts_.series.outcomes[static_cast<std::size_t>(near)]);
  }

  Parts parts_;
  Embedder embedder_;   // of questions: a client waits
  Embedder unhurried_;  // of answers
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace hawser::stage::cache
