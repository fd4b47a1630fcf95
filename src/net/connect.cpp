#include "net/connect.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

#include "base/public_address.hpp"
#include "net/proxy.hpp"
#include "net/resolver.hpp"

namespace hawser::net {
namespace {

constexpr auto next_address_after = 250ms;
constexpr int turns_max = 3;  // at addresses that prove wrong
using StreamPtr = std::unique_ptr<Stream>;
using asio::ip::tcp;

bool is_public(const asio::ip::address& address) {
  const auto plain = IpAddress::parse(address.to_string());
  return plain && hawser::is_public(*plain);
}

Error no_connection() {
  return {.code = Code::connection, .message = "could not connect to the provider"};
}
Error error_of(IoStatus status, const char* late) {
  if (status == IoStatus::timeout) return {.code = Code::timeout, .message = late};
  if (status == IoStatus::cancelled) return {.code = Code::cancelled, .message = "cancelled"};
  return no_connection();
}

/// Starts a TCP connection without waiting for it; nullptr when that fails at once.
StreamPtr start_connect(Reactor& reactor, const tcp::endpoint& to) {
  const int fd = ::socket(to.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return nullptr;
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  const int idle_s = 60, interval_s = 15;
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  if (::connect(fd, to.data(), static_cast<socklen_t>(to.size())) != 0 && errno != EINPROGRESS) {
    ::close(fd);
    return nullptr;
  }
  return std::make_unique<Stream>(reactor, fd);
}

bool connected(const Stream& stream) {
  int problem = 0;
  socklen_t size = sizeof problem;
  ::getsockopt(stream.fd(), SOL_SOCKET, SO_ERROR, &problem, &size);
  return problem == 0;
}

/// The race: shared by the coroutine that waits for a winner and one coroutine an address.
struct Race {
  explicit Race(Reactor& reactor) : news(reactor) {}
  Waiter news;
  StreamPtr winner{};
  std::vector<Stream*> running{};
};

Task<> run_one(std::shared_ptr<Race> race, StreamPtr stream, Clock::time_point deadline) {
  race->running.push_back(stream.get());
  const IoStatus status = co_await stream->wait(Channel::Want::write, deadline);
  std::erase(race->running, stream.get());
  if (status == IoStatus::ok && !race->winner && connected(*stream)) {
    race->winner = std::move(stream);
  }
  race->news.complete(IoStatus::ok);
}

Task<Result<StreamPtr>> race_addresses(Reactor& reactor, Addresses addresses,
                                       Clock::time_point deadline, Cancellation& cancellation) {
  auto race = std::make_shared<Race>(reactor);
  const Cancellation::Binding bound(cancellation, race->news);
  std::size_t next = 0;
  IoStatus waited = IoStatus::ok;
  while (!race->winner && (next < addresses.size() || !race->running.empty())) {
    if (next < addresses.size()) {
      auto stream = start_connect(reactor, addresses[next++]);
      if (!stream) continue;
      spawn(run_one(race, std::move(stream), deadline), [](std::exception_ptr) {});
    }
    auto until = deadline;
    if (next < addresses.size()) until = std::min(until, Clock::now() + next_address_after);
    waited = co_await race->news.wait(until);
    if (waited == IoStatus::cancelled || Clock::now() >= deadline) break;
  }
  for (auto losers = race->running; Stream * loser : losers) loser->cancel();
  if (race->winner) co_return std::move(race->winner);
  co_return error_of(waited, "the provider took too long to accept the connection");
}

Task<Result<StreamPtr>> connect_tcp(Reactor& reactor, Addresses addresses,
                                    Clock::time_point deadline, Cancellation& cancellation) {
  if (addresses.size() > 1) {
    co_return co_await race_addresses(reactor, std::move(addresses), deadline, cancellation);
  }
  auto stream = start_connect(reactor, addresses.front());
  if (!stream) co_return no_connection();
  IoStatus status = IoStatus::ok;
  {
    const Cancellation::Binding bound(cancellation, stream->waiter());
    status = co_await stream->wait(Channel::Want::write, deadline);
  }
  if (status != IoStatus::ok) {
    co_return error_of(status, "the provider took too long to accept the connection");
  }
  if (!connected(*stream)) co_return no_connection();
  co_return std::move(stream);
}

/// Addresses of the host, less those where it may not be and those that were tried.
struct Choice {
  Result<Addresses> addresses;
  bool all_private = false;
};

Choice choose(Resolver& resolver, const Origin& origin, const Addresses& found,
              const Addresses& tried) {
  Addresses open, left;
  for (const auto& address : found) {
    if (origin.public_only && !is_public(address.address())) {
      resolver.distrust(origin.host, address.address());
    } else {
      open.push_back(address);
    }
  }
  for (const auto& address : open) {
    if (std::find(tried.begin(), tried.end(), address) == tried.end()) left.push_back(address);
  }
  return {std::move(left), open.empty()};
}

Error points_inside() {
  return {.code = Code::connection,
          .message =
              "the provider's name points to a private address, and it is a public one "
              "(network: any allows it)"};
}

/// TCP to the host, or to its proxy and through it.
Task<Result<StreamPtr>> reach(Reactor& reactor, Resolver& resolver, Dial& dial, Addresses& tried,
                              Clock::time_point deadline, Cancellation& cancellation) {
  const Origin& origin = dial.origin;
  const std::string host = origin.proxy ? origin.proxy->host : origin.host;
  const std::uint16_t port = origin.proxy ? origin.proxy->port : origin.port;
  auto found = co_await resolver.resolve(host, port, deadline);
  if (!found) co_return found.error();
  if (!origin.proxy) {
    auto choice = choose(resolver, origin, *found, tried);
    if (choice.all_private) {  // the next source may know better
      found = co_await resolver.resolve(host, port, deadline);
      if (!found) co_return found.error();
      choice = choose(resolver, origin, *found, tried);
    }
    if (choice.all_private) co_return points_inside();
    found = std::move(choice.addresses);
    if (found->empty()) co_return no_connection();  // all were tried
  }
  auto stream = co_await connect_tcp(reactor, *found, deadline, cancellation);
  if (!stream && !origin.proxy) {
    for (const auto& address : *found) resolver.distrust(origin.host, address.address());
    tried.insert(tried.end(), found->begin(), found->end());
  }
  if (!stream || !origin.proxy) co_return std::move(stream);
  {
    const Cancellation::Binding bound(cancellation, (*stream)->waiter());
    auto passed = co_await pass_proxy(**stream, *origin.proxy, origin.host, origin.port, deadline);
    if (!passed) co_return passed.error();
  }
  co_return std::move(stream);
}

tcp::endpoint peer_of(const Stream& stream) {
  tcp::endpoint peer;
  auto size = static_cast<socklen_t>(peer.capacity());
  if (::getpeername(stream.fd(), peer.data(), &size) == 0) peer.resize(size);
  return peer;
}

/// What a connection came to.
struct Secured {
  Result<StreamPtr> stream;
  bool stranger = false;  // who answers is not who was asked for
};

Task<Secured> secure(StreamPtr stream, Dial& dial, milliseconds patience,
                     Cancellation& cancellation) {
  stream->secure(
      make_client_ssl(*dial.tls, dial.origin.server_name, dial.session, dial.origin.http));
  IoStatus shaken = IoStatus::ok;
  {
    const Cancellation::Binding bound(cancellation, stream->waiter());
    shaken = co_await stream->handshake(Clock::now() + patience);
  }
  if (shaken == IoStatus::ok) co_return Secured{std::move(stream)};
  if (shaken == IoStatus::timeout || shaken == IoStatus::cancelled) {
    co_return Secured{error_of(shaken, "the provider took too long in the TLS handshake")};
  }
  Error error{.code = Code::connection,
              .message = "TLS with the provider failed: " + tls_problem(stream->ssl())};
  error.client_may_retry = !tls_problem_stays(stream->ssl());
  co_return Secured{std::move(error), true};
}

}  // namespace

Task<Result<std::unique_ptr<Stream>>> connect(Reactor& reactor, Resolver& resolver, Dial& dial,
                                              ConnectTimeouts timeouts,
                                              Cancellation& cancellation) {
  Addresses tried;
  Error last = no_connection();
  for (int turn = 0; turn < turns_max; ++turn) {
    const auto deadline = Clock::now() + timeouts.connect;
    auto reached = co_await reach(reactor, resolver, dial, tried, deadline, cancellation);
    if (reached && !dial.tls) co_return std::move(reached);
    if (!reached) {
      if (turn == 0) last = reached.error();
      const bool others = resolver.sources() > 1 && !dial.origin.proxy;
      if (!others || tried.empty() || cancellation.cancelled()) co_return last;
      continue;  // perhaps the name was resolved wrongly
    }
    const tcp::endpoint peer = peer_of(**reached);
    auto secured = co_await secure(std::move(*reached), dial, timeouts.tls, cancellation);
    if (secured.stream || !secured.stranger || dial.origin.proxy) {
      co_return std::move(secured.stream);
    }
    last = secured.stream.error();
    resolver.distrust(dial.origin.host, peer.address());
    tried.push_back(peer);
  }
  co_return last;
}

}  // namespace hawser::net
