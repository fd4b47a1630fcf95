#pragma once

#include <cstddef>
#include <cstdint>

namespace hawser::net {

/// How an attempt to move bytes, or a wait for it, ended.
enum class IoStatus : std::uint8_t {
  ok,
  would_block,
  closed,     // the peer ended its side in good order
  failed,     // reset, broken pipe, TLS alert
  timeout,    // the deadline of the wait passed
  cancelled,  // this side gave up: the exchange or the worker ends
};

struct IoResult {
  IoStatus status = IoStatus::ok;
  std::size_t bytes = 0;
};

}  // namespace hawser::net
