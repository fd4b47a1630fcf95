#pragma once

#include <cstddef>
#include <cstdint>

namespace hawser::net {

/// Whether the peer's kernel acknowledged less than the last `bytes` that were sent on `fd`: then
/// no program on the other side can have read them whole.
bool unacknowledged(int fd, std::size_t bytes);

/// Whether the peer's kernel acknowledged nothing behind the first `bytes` that were sent on `fd`.
bool nothing_acknowledged_behind(int fd, std::uint64_t bytes);

}  // namespace hawser::net
