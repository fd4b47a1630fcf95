#pragma once

#include <memory>
#include <string>
#include <vector>

#include "audit/config.hpp"
#include "audit/log.hpp"
#include "exchange/stage.hpp"
#include "net/reactor.hpp"

namespace hawser::stage::audit {

/// What one configuration says of the records.
struct Rules {
  std::vector<std::string> strict{};
  std::string salt{};               // empty: no hashes of contents
  std::uint64_t configuration = 0;  // its number since the start
};
std::shared_ptr<const Rules> rules_of(const hawser::audit::AuditConfig& config,
                                      std::uint64_t configuration);

/// Puts a record of every exchange into the log: what was decided and why, and what it came to. An
/// answer that goes on without its client gets a second one when it is over.
class Audit final : public exchange::Stage {
 public:
  Audit(hawser::audit::Log& log, hawser::audit::Log::Inlet& inlet, net::Reactor& reactor,
        std::shared_ptr<const Rules> rules)
      : log_(log), inlet_(inlet), reactor_(reactor), rules_(std::move(rules)) {}

  Task<exchange::Answer> run(exchange::Exchange& exchange, exchange::Next next) override;

 private:
  Task<exchange::Answer> run_looked_at(exchange::Exchange& exchange, exchange::Next next);
  Task<bool> keep(std::string record);
  void ended(const exchange::Exchange& exchange);
  bool strict(const exchange::Exchange& exchange) const;

  hawser::audit::Log& log_;
  hawser::audit::Log::Inlet& inlet_;
  net::Reactor& reactor_;
  std::shared_ptr<const Rules> rules_;
};

}  // namespace hawser::stage::audit
