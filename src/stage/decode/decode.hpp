#pragma once

#include "exchange/stage.hpp"

namespace hawser::stage::decode {

/// Gets the request's body, for those who may send one, and reads what the stages behind need of
/// it.
class Decode final : public exchange::Stage {
 public:
  Task<exchange::Answer> run(exchange::Exchange& exchange, exchange::Next next) override;
};

}  // namespace hawser::stage::decode
