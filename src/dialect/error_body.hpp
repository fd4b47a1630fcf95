#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "dialect/api.hpp"
#include "dialect/response_event.hpp"

namespace hawser::dialect {

/// The HTTP status that `error` is told with: its own where it has one, else that of its code.
int status_of(const Error& error);

/// The JSON body that makes the dialect's official SDK raise its own typed exception.
std::string error_body(Dialect dialect, const Error& error, std::string_view request_id);

/// The same as events that end a stream in its middle as its API does, ready for the wire, with
/// their empty lines.
/// @param progress  of a stream of responses: what went out of it; null: nothing did
std::string error_event(Dialect dialect, Api api, const Error& error, std::string_view request_id,
                        ResponseProgress* progress = nullptr);

}  // namespace hawser::dialect
