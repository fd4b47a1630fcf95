#pragma once

#include <optional>
#include <vector>

#include "exchange/stage.hpp"
#include "net/byte_budget.hpp"
#include "net/offload.hpp"
#include "stage/guard/guard.hpp"

namespace hawser::stage::guard {

/// Lets services outside judge prompts and answers. Below the filter: what a guard is shown has
/// gone through the tenant's rules, and pseudonyms are still pseudonyms.
class Guards final : public exchange::Stage {
 public:
  Guards(std::vector<GuardPtr> guards, net::Reactor& reactor, net::Offload& offload,
         net::WorkerBytes& bytes)
      : guards_(std::move(guards)), reactor_(reactor), offload_(offload), bytes_(bytes) {}

  Task<exchange::Answer> run(exchange::Exchange& exchange, exchange::Next next) override;

 private:
  Task<exchange::Answer> guard(exchange::Exchange& exchange, exchange::Next next,
                               std::vector<GuardPtr> prompt, std::vector<GuardPtr> answer);
  Task<exchange::Answer> guard_answer(exchange::Exchange& exchange, std::vector<GuardPtr> guards,
                                      generation::GenerationPtr answer);
  std::optional<Error> kept_away(exchange::Exchange& exchange) const;
  std::optional<Error> unreadable(const exchange::Exchange& exchange, bool prompt,
                                  bool answer) const;
  std::optional<Error> token_numbers(const exchange::Exchange& exchange,
                                     const std::vector<GuardPtr>& guards,
                                     const std::string& member) const;
  std::vector<GuardPtr> those(const exchange::Exchange& exchange, Direction direction) const;

  std::vector<GuardPtr> guards_;
  net::Reactor& reactor_;
  net::Offload& offload_;
  net::WorkerBytes& bytes_;
};

}  // namespace hawser::stage::guard
