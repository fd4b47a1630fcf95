#pragma once

#include <string>

#include "socket.hpp"

namespace hawser::bench {

/// CPU time that processes have used so far, all threads together (/proc/PID/task/*/schedstat).
/// @param pids  separated by commas; empty: none. Throws std::runtime_error when one is gone.
Nanoseconds cpu_of(const std::string& pids);

/// CPU time of this process.
Nanoseconds own_cpu();

}  // namespace hawser::bench
