#pragma once

#include "exchange/exchange.hpp"

namespace hawser::exchange {

/// Decides what a request asks for and in which form its body is, from its method, its path and its
/// head: `request.endpoint`, `request.media` and `request.json`. The one place, for every
/// transport. What it cannot decide is refused by `stage/validate`.
void identify(Exchange& exchange);

}  // namespace hawser::exchange
