#pragma once

#include <memory>

#include "exchange/stage.hpp"
#include "net/byte_budget.hpp"
#include "store/object_owners.hpp"

namespace hawser::stage::ownership {

/// What is made through the gateway at a provider's account belongs to the tenant that made it:
/// files, batches, responses, conversations, ... Many tenants share the account's credential, so
/// the provider cannot tell them apart. The stage notes what an answer makes, refuses requests that
/// name what others made or nobody here did, in the path or in the body, and takes others' entries
/// out of lists. Keys with `any_objects` and gateways without keys are not concerned.
///
/// It stands below what answers from the gateway itself, and right above the providers.
class Ownership final : public exchange::Stage {
 public:
  Ownership(std::shared_ptr<store::ObjectOwners> owners, net::WorkerBytes& bytes)
      : owners_(std::move(owners)), bytes_(bytes) {}
  Task<exchange::Answer> run(exchange::Exchange& exchange, exchange::Next next) override;

 private:
  static bool may_make(const exchange::Exchange& exchange);
  Result<> check(const exchange::Exchange& exchange) const;
  bool owns(const exchange::Exchange& exchange, dialect::ObjectKind kind,
            std::string_view id) const;
  Task<exchange::Answer> pass_form(exchange::Exchange& exchange, exchange::Next next);
  Task<exchange::Answer> go_on(exchange::Exchange& exchange, exchange::Next next);
  Task<exchange::Answer> keep(exchange::Exchange& exchange, exchange::Next next);
  Task<exchange::Answer> keep_plain(const exchange::Exchange& exchange,
                                    generation::GenerationPtr answer);

  std::shared_ptr<store::ObjectOwners> owners_;
  net::WorkerBytes& bytes_;
};

}  // namespace hawser::stage::ownership
