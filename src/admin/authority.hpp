#pragma once

#include <string_view>

#include "admin/config.hpp"
#include "wire/http1.hpp"

namespace hawser::admin {

/// What a path needs.
enum class Needs : std::uint8_t {
  nothing,  // health: tells nothing, and balancers ask for it by any name
  figures,  // as `metrics` says
  token,    // administration
};

/// Unknown paths are administration: what is new is closed until it is named here.
Needs needs_of(std::string_view path);

enum class Access : std::uint8_t { granted, no_token, wrong_token, foreign_page };

/// Whether a request may have what its path needs. Without a token the address is all that protects
/// it: then a page in an operator's browser must not get there either.
Access judge(const wire::RequestHead& head, const AdminConfig& config);

}  // namespace hawser::admin
