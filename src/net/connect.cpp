#include "net/connect.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <vector>

namespace hawser::net {
namespace {

constexpr auto next_address_after = 250ms;
using StreamPtr = std::unique_ptr<Stream>;
using asio::ip::tcp;

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
  cancellation.aim_at(&race->news);
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
  cancellation.aim_at(nullptr);
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
  cancellation.aim_at(&stream->waiter());
  const IoStatus status = co_await stream->wait(Channel::Want::write, deadline);
  cancellation.aim_at(nullptr);
  if (status != IoStatus::ok) {
    co_return error_of(status, "the provider took too long to accept the connection");
  }
  if (!connected(*stream)) co_return no_connection();
  co_return std::move(stream);
}

}  // namespace

Task<Result<StreamPtr>> connect(Reactor& reactor, Resolver& resolver, Dial& dial,
                                ConnectTimeouts timeouts, Cancellation& cancellation) {
  const auto deadline = Clock::now() + timeouts.connect;
  auto addresses = co_await resolver.resolve(dial.origin.host, dial.origin.port, deadline);
  if (!addresses) co_return addresses.error();
  auto connected = co_await connect_tcp(reactor, std::move(*addresses), deadline, cancellation);
  if (!connected || !dial.tls) co_return std::move(connected);

  StreamPtr stream = std::move(*connected);
  stream->secure(make_client_ssl(*dial.tls, dial.origin.server_name, dial.session));
  cancellation.aim_at(&stream->waiter());
  const IoStatus shaken = co_await stream->handshake(Clock::now() + timeouts.tls);
  cancellation.aim_at(nullptr);
  if (shaken == IoStatus::ok) co_return std::move(stream);
  if (shaken == IoStatus::timeout || shaken == IoStatus::cancelled) {
    co_return error_of(shaken, "the provider took too long in the TLS handshake");
  }
  Error error{.code = Code::connection,
              .message = "TLS with the provider failed: " + tls_problem(stream->ssl())};
  error.client_may_retry = !tls_problem_stays(stream->ssl());
  co_return error;
}

}  // namespace hawser::net
