#pragma once

#include <string>
#include <string_view>

#include "generation/generation.hpp"
#include "net/byte_budget.hpp"

namespace hawser::generation {

/// Content that was read to its end, with the memory that it was given.
struct WholeText {
  std::string text{};
  net::ByteLease lease{};
};
/// Reads content to its end.
/// @param lease  what it takes its memory of, for a client that may not read for long
/// Errors: its own; those of the lease; upstream where it is longer than `size_max`
Task<Result<WholeText>> read_whole(Content& content, std::size_t size_max, net::ByteLease lease);

/// The value of the first field of that name, in any case; empty: there is none.
/// @param fields  "Name: value\r\n"...
std::string_view field_value(std::string_view fields, std::string_view name);

}  // namespace hawser::generation
