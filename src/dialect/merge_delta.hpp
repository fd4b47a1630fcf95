#pragma once

#include <string>
#include <string_view>

#include "dialect/api.hpp"

namespace hawser::dialect {

/// Makes one event of two that follow each other and differ in nothing but the text that they add:
/// what a client that lags is given in place of both. Escapes stay as they are, so the text is the
/// same to the byte.
/// @param first   an event as it stands on the wire; holds both when it is true
/// @return        false: they must stay two (another kind of event, a number, a finish reason)
bool merge_delta(Api api, std::string& first, std::string_view second);

}  // namespace hawser::dialect
