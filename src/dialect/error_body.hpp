#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "dialect/api.hpp"

namespace hawser::dialect {

/// The HTTP status that `error` is told with: its own where it has one, else that of its code.
int status_of(const Error& error);

/// The JSON body that makes the dialect's official SDK raise its own typed exception.
std::string error_body(Dialect dialect, const Error& error, std::string_view request_id);

/// The same as an event in the middle of a stream, ready for the wire, with its empty line.
std::string error_event(Dialect dialect, Api api, const Error& error, std::string_view request_id);

}  // namespace hawser::dialect
