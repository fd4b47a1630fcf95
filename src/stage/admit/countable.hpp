#pragma once

#include <optional>

#include "base/result.hpp"
#include "exchange/exchange.hpp"

namespace hawser::stage::admit {

/// Why nobody could count what a request costs: how many answers it asks for is written as no
/// number, or the usage is to be left out of the answer. Nothing: it can be counted.
std::optional<Error> why_uncountable(const exchange::Request& request);

}  // namespace hawser::stage::admit
