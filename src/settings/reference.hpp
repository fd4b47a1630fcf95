#pragma once

#include <string>

namespace hawser::settings {

/// docs/configuration.md, from the fields of Config.
std::string configuration_page();

/// docs/hawser.schema.json, from the same.
std::string configuration_schema();

}  // namespace hawser::settings
