#pragma once

#include "base/address.hpp"

namespace hawser {

/// Whether an address belongs to the public internet: none of this machine, of a private network or
/// of a special purpose, also where it only wraps an IPv4 address that is. Sources: IANA's
/// special-purpose address registries (RFC 6890 and its updates), RFC 6052, 3056, 4380.
bool is_public(const IpAddress& address);

}  // namespace hawser
