#pragma once

#include <optional>
#include <string>

#include "exchange/exchange.hpp"

namespace hawser::stage::attempt {

/// A place of a body that goes out as something else.
struct BodyEdit {
  std::size_t at = 0;
  std::size_t size = 0;
  std::string text{};
};

/// Has the provider of a stream tell its usage, where something counts it and its client did not
/// ask: the request gets stream_options.include_usage, and the chunk of usage is taken out of the
/// answer. Else who asks would decide what a budget sees.
/// @return nothing where the body stays as it is
std::optional<BodyEdit> ask_for_usage(const exchange::Request& request);

}  // namespace hawser::stage::attempt
