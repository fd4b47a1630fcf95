#include "exchange/exchange.hpp"

#include "exchange/stage.hpp"

namespace hawser::exchange {

Exchange::~Exchange() {
  while (const auto last = std::move(last_completion_)) {
    last_completion_ = std::move(last->earlier_);
    last->complete(*this);
  }
  if (pipeline) pipeline->over(*this);
}

}  // namespace hawser::exchange
