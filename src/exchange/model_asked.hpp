#pragma once

#include <optional>
#include <string_view>

#include "exchange/exchange.hpp"

namespace hawser::exchange {

/// The model that a request names, as its client writes it, for policies that are about models.
/// Nothing: it may be any, since the request names none, several, or names it where the gateway
/// does not read (a member "model" of an operation that is not known may not be all that it asks
/// for). "": the operation has no model.
std::optional<std::string_view> model_asked(const Exchange& exchange);

}  // namespace hawser::exchange
