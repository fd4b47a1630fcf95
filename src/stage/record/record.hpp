#pragma once

#include <memory>
#include <string>

#include "exchange/stage.hpp"
#include "generation/remote.hpp"
#include "provider/passed_fields.hpp"
#include "stage/record/config.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/standard_metrics.hpp"

namespace hawser::stage::record {

/// Records answers that are generated, so that they outlive their connections; lets clients come
/// back to them, by id or by just asking again.
class Record final : public exchange::Stage {
 public:
  using PassedFieldsPtr = std::shared_ptr<const provider::PassedFields>;
  /// @param rules  that answers must pass here, as generation::Terms has them
  Record(const RecordConfig& config, generation::Directory& directory, generation::Shelf& shelf,
         telemetry::Shard& shard, const telemetry::StandardMetrics& metrics, PassedFieldsPtr passed,
         std::uint64_t rules);

  Task<exchange::Answer> run(exchange::Exchange& exchange, exchange::Next next) override;

 private:
  Task<exchange::Answer> generate(exchange::Exchange& exchange, exchange::Next next);
  Task<exchange::Answer> attach(exchange::Exchange& exchange, std::string id);
  Task<exchange::Answer> serve_response(exchange::Exchange& exchange, exchange::Next next);
  Task<exchange::Answer> serve_generation(exchange::Exchange& exchange);
  class Detaching;

  generation::Fingerprint fingerprint_of(const exchange::Exchange& exchange) const;
  generation::Ticket ticket_of(const exchange::Exchange& exchange, std::string id) const;
  generation::RecordPtr make_record(const exchange::Exchange& exchange);
  generation::GenerationPtr launch(const exchange::Exchange& exchange,
                                   const generation::RecordPtr& record,
                                   generation::GenerationPtr answer, bool read);
  bool same_body(const exchange::Exchange& exchange);
  std::optional<std::string> same_request(const exchange::Exchange& exchange);

  OnDisconnect on_disconnect(const exchange::Exchange& exchange) const {
    return exchange.rules.on_disconnect.value_or(config_.on_disconnect);
  }
  bool coalesces(const exchange::Exchange& exchange) const {
    return exchange.rules.coalesce.value_or(config_.coalesce);
  }
  /// With an Idempotency-Key it is the key's own.
  Sharing sharing(const exchange::Exchange& exchange) const {
    const bool named = !exchange.request.header("idempotency-key").empty();
    return coalesces(exchange) && !named ? config_.coalesce_scope : Sharing::key;
  }

  RecordConfig config_;
  PassedFieldsPtr passed_;
  std::uint64_t rules_;
  generation::Directory& directory_;
  generation::Shelf& shelf_;
  generation::Generations generations_;
  telemetry::Shard& shard_;
  const telemetry::StandardMetrics& metrics_;
};

}  // namespace hawser::stage::record
