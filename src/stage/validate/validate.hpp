#pragma once

#include "exchange/stage.hpp"

namespace hawser::stage::validate {

/// Lets a request pass only if there is one reading of what it asks for: a canonical path, one
/// media type, a body of the form that its operation takes. All stages below, and the provider,
/// then mean the same request. Also refuses what is never passed on: the administration of
/// providers' accounts.
class Validate final : public exchange::Stage {
 public:
  Task<exchange::Answer> run(exchange::Exchange& exchange, exchange::Next next) override;
};

/// Error: invalid_request (400, 415), permission. Pure.
Result<> validate(const exchange::Exchange& exchange);

}  // namespace hawser::stage::validate
