#pragma once

#include <string>

namespace hawser::settings {

/// docs/configuration.md, from the fields of Config.
std::string configuration_page();

}  // namespace hawser::settings
