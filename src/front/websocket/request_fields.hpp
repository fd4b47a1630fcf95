#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hawser::front::websocket {

/// Whether `value` may stand in a header: no control characters, no blanks around it.
bool valid_field_value(std::string_view value);
bool valid_method(std::string_view method);
/// "/v1/..." without blanks and control characters.
bool valid_target(std::string_view target);

/// Takes the members of a JSON object of texts for header fields. Those that belong to a connection
/// or to its credentials are left out. @return what is wrong; empty: nothing
std::string read_fields(std::string_view object,
                        std::vector<std::pair<std::string, std::string>>& fields);

}  // namespace hawser::front::websocket
