#pragma once

#include <memory>

#include "exchange/stage.hpp"
#include "net/byte_budget.hpp"
#include "net/offload.hpp"
#include "stage/ownership/batch_lines.hpp"
#include "stage/ownership/made_content.hpp"
#include "store/object_owners.hpp"

namespace hawser::stage::ownership {

/// What is made through the gateway at a provider's account belongs to the tenant that made it:
/// files, batches, responses, conversations, ... Many tenants share the account's credential, so
/// the provider cannot tell them apart. The stage notes what an answer makes, refuses requests that
/// name what others made or nobody here did, in the path or in the body, and takes others' entries
/// out of lists. A request that names objects goes to the providers alone that its tenant has all
/// of them at. Keys with `any_objects` and gateways without keys are not concerned.
///
/// It stands below what answers from the gateway itself, and right above the providers.
class Ownership final : public exchange::Stage {
 public:
  struct Worker {
    net::Reactor& reactor;
    net::WorkerBytes& bytes;
    net::Offload& offload;
  };
  Ownership(std::shared_ptr<store::ObjectOwners> owners, const Worker& worker)
      : owners_(std::move(owners)), worker_(worker) {}
  Task<exchange::Answer> run(exchange::Exchange& exchange, exchange::Next next) override;

 private:
  static bool may_make(const exchange::Exchange& exchange);
  Result<> check(exchange::Exchange& exchange) const;
  Task<exchange::Answer> check_aside(exchange::Exchange& exchange, exchange::Next next);
  Task<exchange::Answer> pass_form(exchange::Exchange& exchange, exchange::Next next);
  Task<exchange::Answer> go_on(exchange::Exchange& exchange, exchange::Next next,
                               const BatchLines* lines);
  Task<exchange::Answer> keep(exchange::Exchange& exchange, exchange::Next next,
                              const BatchLines* lines);
  Task<exchange::Answer> keep_plain(const exchange::Exchange& exchange, Maker maker,
                                    generation::GenerationPtr answer);

  std::shared_ptr<store::ObjectOwners> owners_;
  Worker worker_;
};

}  // namespace hawser::stage::ownership
