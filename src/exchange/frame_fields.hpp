#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace hawser::exchange {

/// Header fields of a request that came in a frame of a tunnel or in a message, not as HTTP.
using FieldList = std::vector<std::pair<std::string, std::string>>;

/// A token of at most 256 characters (RFC 9110, 5.6.2).
bool is_field_name(std::string_view name);
/// At most 8 KiB without control characters and without blanks around it.
bool is_field_value(std::string_view value);

/// Whether a field of a handshake, or of a call's own head, binds every request of it.
bool binds_requests(std::string_view name);

/// Adds what a frame says to `fields`. What only a connection may say (its key, its framing, who
/// stands in front of it) is left out, whatever the frame says.
/// @param bound  what the connection said once for all of its requests
/// Errors: invalid_request: no field may look like that, or it contradicts what is bound
Result<> add_frame_field(FieldList& fields, const FieldList& bound, std::string name,
                         std::string value);

}  // namespace hawser::exchange
