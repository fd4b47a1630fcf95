#pragma once

#include <sys/socket.h>

#include <cstring>
#include <span>
#include <vector>

#include "transport.hpp"

namespace hawser::sdk {

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

/// Connects to whichever address answers first. Where one keeps silent, the next one is tried
/// beside it (RFC 8305); where all do, each is tried again beside the attempts under way: what the
/// kernel repeats, it repeats behind 1, 3 and 7 s only, and a path that is there again would wait
/// for that. @return the socket, non-blocking; -1 with `status`
int connect_first(std::span<const Address> addresses, Clock::time_point deadline,
                  const CancelToken* cancel, Io& status);

}  // namespace hawser::sdk
