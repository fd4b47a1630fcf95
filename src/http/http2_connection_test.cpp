#include "http/http2_connection.hpp"
#include "net/resolver.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <functional>

namespace hawser::http {
namespace {

void no_bug(std::exception_ptr) {
  FAIL() << "an exception left the task";
}

/// Both ends of a connection; ours is the second.
std::array<int, 2> socket_pair() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
  return ends;
}

Task<> when_readable(net::Channel& channel, std::function<void()> job) {
  co_await channel.wait(net::Channel::read, Clock::time_point::max());
  job();
}

Task<> send_head(UpstreamConnection& exchange) {
  const std::array<std::string_view, 1> parts{"GET / HTTP/1.1\r\nhost: a.test\r\n\r\n"};
  const auto sent = co_await exchange.send(parts, true, Clock::time_point::max());
  EXPECT_EQ(sent, net::IoStatus::ok);
}

// Its last exchange is dropped, and what it has to say of that meets a peer that is gone.
TEST(Http2Connection, EndsInItsTurnWhereNobodyElseHoldsIt) {
  net::asio::io_context loop{1};
  net::Reactor reactor(loop);
  net::Resolver resolver(reactor);
  net::BlockPool blocks;
  const net::PoolConfig config;
  const auto peer = socket_pair(), one = socket_pair(), two = socket_pair();
  {
    const auto pool = std::make_shared<OriginPool>(
        UpstreamParts{reactor, resolver, blocks},
        net::Origin{.tls = false, .http = net::HttpVersion::http2}, config, nullptr);
    auto connection = std::make_shared<Http2Connection>(
        pool, std::make_unique<net::Stream>(reactor, peer[1]), blocks, config);
    const std::weak_ptr<Http2Connection> held = connection;
    net::Channel first(reactor, one[1]), second(reactor, two[1]);
    reactor.start();
    loop.poll();
    spawn(connection->run(), no_bug);
    UpstreamPtr exchange = connection->begin();
    spawn(send_head(*exchange), no_bug);
    connection.reset();
    loop.poll();

    bool in_line = false;
    const auto drop = [&] {
      if (!exchange) return;
      in_line = reactor.busy();
      exchange.reset();
      ::close(peer[0]);
    };
    spawn(when_readable(first, drop), no_bug);
    spawn(when_readable(second, drop), no_bug);
    EXPECT_EQ(::write(one[0], "x", 1), 1);
    EXPECT_EQ(::write(two[0], "x", 1), 1);
    loop.poll();
    EXPECT_TRUE(in_line);
    EXPECT_TRUE(held.expired());
    reactor.stop();
  }
  ::close(one[0]);
  ::close(two[0]);
}

}  // namespace
}  // namespace hawser::http
