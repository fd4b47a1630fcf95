#pragma once

#include "settings/config.hpp"
#include "settings/tls_checks.hpp"

namespace hawser::settings {

/// Which web pages may call the API.
void check_pages(const Config& config, Problems& problems);

/// Who may administer.
void check_admin(const admin::AdminConfig& admin, Problems& problems);

}  // namespace hawser::settings
