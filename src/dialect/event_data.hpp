#pragma once

#include <string>
#include <string_view>

namespace hawser::dialect {

/// The data lines of one event, joined by LF as a client does.
/// @param frame  the event as it stands on the wire
std::string data_of(std::string_view frame);

}  // namespace hawser::dialect
