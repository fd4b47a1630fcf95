#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.hpp"

namespace hawser::stage::record {

/// Seq of the first event that a client lacks. `cursor` names the last one that it has: an event
/// id "GENERATION.EPOCH.SEQ", or "EPOCH.SEQ", or "SEQ"; empty: it has none.
/// Error: invalid_request
Result<std::uint64_t> parse_cursor(std::string_view cursor, std::string_view generation);

/// The value of a query parameter as it stands there; empty when it is missing.
std::string_view query_value(std::string_view query, std::string_view name);

}  // namespace hawser::stage::record
