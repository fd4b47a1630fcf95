#pragma once

#include <memory>

#include "base/result.hpp"
#include "net/cancellation.hpp"
#include "net/origin.hpp"
#include "net/stream.hpp"
#include "net/tls_client.hpp"

namespace hawser::net {

class Resolver;

struct ConnectTimeouts {
  milliseconds connect{3'000};
  milliseconds tls{5'000};
};

/// What is needed to reach one origin; all of it outlives the connections made from it.
struct Dial {
  Origin origin{};
  SslContext tls{};  // null: plain
  SessionSlot session{};
};

/// Opens a connection: addresses are raced (RFC 8305: a new one every 250 ms, the first to answer
/// wins), then TLS is set up and verified. Where it fails, the name was perhaps resolved wrongly:
/// the next address, then the resolver's next source is tried. The one place where every address
/// that goes out is checked against what its origin allows.
/// Errors: connection, timeout, cancelled.
Task<Result<std::unique_ptr<Stream>>> connect(Reactor& reactor, Resolver& resolver, Dial& dial,
                                              ConnectTimeouts timeouts, Cancellation& cancellation);

}  // namespace hawser::net
