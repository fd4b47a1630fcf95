#pragma once

#include <cstddef>

namespace hawser::net {

/// Whether the peer's kernel acknowledged less than the last `bytes` that were sent on `fd`: then
/// no program on the other side can have read them whole.
bool unacknowledged(int fd, std::size_t bytes);

}  // namespace hawser::net
