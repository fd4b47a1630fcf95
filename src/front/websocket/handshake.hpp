#pragma once

#include <memory>

#include "front/websocket/streams.hpp"
#include "front/websocket/visitor.hpp"

namespace hawser::front::websocket {

/// Whether a request to this path may become a WebSocket.
bool serves(std::string_view path);

/// A connection that left HTTP, with what is spoken over it.
class Session {
 public:
  Session(Services& services, const exchange::ClientName& client, net::Stream& stream,
          net::InBuffer& in)
      : connection_(
            stream, in, services.config, services.write_timeout,
            {services.bodies_max, net::request_leases(services.bytes, client.tenant, client.key)}) {
  }

  /// Until it is over.
  Task<> run() { return connection_.run(*protocol_); }
  void drain() { protocol_->drain(); }
  /// Whether its client has shown a key by now, or needs none.
  bool known_client() const { return protocol_->known_client(); }

 private:
  friend class Accepted;
  Connection connection_;
  std::unique_ptr<Protocol> protocol_;
};

/// A handshake that was found good: what it opens is opened by whoever has a stream for it.
class Accepted {
 public:
  std::unique_ptr<Session> open(net::Stream& stream, net::InBuffer& in);

 private:
  friend struct Handshake;
  enum class Speaks : std::uint8_t { tunnel, chat, responses };
  Accepted(Services& services, Speaks speaks, Visitor visitor)
      : services_(&services), speaks_(speaks), visitor_(std::move(visitor)) {}

  Services* services_;
  Speaks speaks_;
  Visitor visitor_;
};

/// The request that asks for a WebSocket.
struct Handshake {
  Services& services;
  const wire::RequestHead& head;
  std::string_view client_address;
  const std::vector<std::string>& client_names;

  /// Judges it (RFC 6455, 4.2); opens nothing.
  /// @param fields  gets the header fields of the answer: of 101 besides Upgrade and Connection,
  ///                or of the refusal
  /// Errors: invalid_request (with status 426 where only the version or the Upgrade is missing),
  /// authentication
  Result<Accepted> accept(std::string& fields) const;

 private:
  Result<> check(std::string& fields) const;
  Result<Visitor> visitor(std::string& fields) const;
};

}  // namespace hawser::front::websocket
