#pragma once

#include <string>

#include "exchange/stage.hpp"

namespace hawser::stage::hops {

/// Whether a Via field names `pseudonym`: the message went through it before (RFC 9110, 7.6.3).
bool passed(const wire::RequestHead& head, std::string_view pseudonym);

/// Whether a request of this process came back, whoever passed it on; or went through too many.
bool came_back(const wire::RequestHead& head);

/// Stops a request that comes back to this gateway by way of others: 508, and nobody is to try it
/// again.
class Hops final : public exchange::Stage {
 public:
  /// @param pseudonym  what gateways that are providers know this one by; empty: there are none
  explicit Hops(std::string pseudonym) : pseudonym_(std::move(pseudonym)) {}
  Task<exchange::Answer> run(exchange::Exchange& exchange, exchange::Next next) override;

 private:
  std::string pseudonym_;
};

}  // namespace hawser::stage::hops
