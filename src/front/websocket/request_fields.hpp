#pragma once

#include <string_view>

#include "exchange/frame_fields.hpp"

namespace hawser::front::websocket {

bool valid_method(std::string_view method);
/// "/v1/..." without blanks and control characters.
bool valid_target(std::string_view target);

/// Takes the members of a JSON object of texts for header fields. Those that belong to a connection
/// or to its credentials are left out.
/// @param bound  what the handshake said for all requests
/// Errors: invalid_request
Result<> read_fields(std::string_view object, const exchange::FieldList& bound,
                     exchange::FieldList& fields);

}  // namespace hawser::front::websocket
