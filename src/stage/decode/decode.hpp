#pragma once

#include "exchange/stage.hpp"

namespace hawser::stage::decode {

/// Gets the request's body, for those who may send one, and reads what the stages behind need of
/// it.
class Decode final : public exchange::Stage {
 public:
  /// @param form_ahead_max  bytes of a form that are read until its model is found
  explicit Decode(std::size_t form_ahead_max) : form_ahead_max_(form_ahead_max) {}
  Task<exchange::Answer> run(exchange::Exchange& exchange, exchange::Next next) override;

 private:
  std::size_t form_ahead_max_;
};

}  // namespace hawser::stage::decode
