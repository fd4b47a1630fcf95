#pragma once

#include <string>
#include <string_view>

#include "generation/generation.hpp"

namespace hawser::generation {

/// Reads content to its end. Errors: its own; upstream where it is longer than `size_max`
Task<Result<std::string>> read_whole(Content& content, std::size_t size_max);

/// The value of the first field of that name, in any case; empty: there is none.
/// @param fields  "Name: value\r\n"...
std::string_view field_value(std::string_view fields, std::string_view name);

}  // namespace hawser::generation
