#pragma once

#include <string>
#include <string_view>

namespace hawser::provider {

/// Puts stars in place of a secret wherever `text` has it, also where its characters are escaped as
/// in JSON (\/, \u002d) or in a URL (%2d).
void blot_out(std::string& text, std::string_view secret);

}  // namespace hawser::provider
