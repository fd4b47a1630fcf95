#pragma once

#include "dialect/endpoint.hpp"
#include "wire/http1.hpp"

namespace hawser::dialect {

/// The dialect that a client reads its errors in: that of the API it calls; where several share a
/// path, or where we do not know it, the one that its headers tell.
Dialect client_dialect(const Endpoint& endpoint, const wire::RequestHead& head);

}  // namespace hawser::dialect
