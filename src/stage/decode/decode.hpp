#pragma once

#include "exchange/stage.hpp"
#include "net/byte_budget.hpp"
#include "net/offload.hpp"

namespace hawser::stage::decode {

/// Gets the request's body, for those who may send one, and reads what the stages behind need of
/// it.
class Decode final : public exchange::Stage {
 public:
  /// What it has of its worker.
  struct Worker {
    net::Reactor& reactor;
    net::WorkerBytes& bytes;
    net::Offload& offload;
  };
  /// @param form_ahead_max  bytes of a form that are read until its model is found
  Decode(std::size_t form_ahead_max, const Worker& worker)
      : form_ahead_max_(form_ahead_max), worker_(worker) {}
  Task<exchange::Answer> run(exchange::Exchange& exchange, exchange::Next next) override;

 private:
  std::size_t form_ahead_max_;
  Worker worker_;
};

}  // namespace hawser::stage::decode
