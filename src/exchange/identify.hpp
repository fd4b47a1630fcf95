#pragma once

#include "exchange/exchange.hpp"

namespace hawser::exchange {

/// Decides what a request asks for and in which form its body is, from its method, its path and its
/// head: `request.endpoint`, `request.media` and `request.json`. The one place, for every
/// transport. What it cannot decide is refused by `stage/validate`.
void identify(Request& request, std::string_view method, std::string_view path);

/// Of a form, as its media type names it; empty: it names none.
std::string boundary_of(const Request& request);

}  // namespace hawser::exchange
