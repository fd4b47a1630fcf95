#pragma once

#include "exchange/exchange.hpp"

namespace hawser::stage::attempt {

/// Has the provider of a stream tell its usage, where something counts it and its client did not
/// ask: the request gets stream_options.include_usage, and the chunk of usage is taken out of the
/// answer. Else who asks would decide what a budget sees.
void ask_for_usage(exchange::Request& request);

}  // namespace hawser::stage::attempt
