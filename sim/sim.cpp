#include "sim/sim.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <thread>

#include "net/listener.hpp"
#include "net/tls_server.hpp"
#include "sim/connection.hpp"

namespace hawser::sim {
namespace {

using net::IoStatus;

void report_bug(std::exception_ptr bug) {
  try {
    std::rethrow_exception(bug);
  } catch (const std::exception& e) {
    std::cerr << "hawser sim: a connection ended by a bug: " << e.what() << std::endl;
  }
}

/// The simulator on one thread: its loop, its world and its listener.
class Simulator {
 public:
  explicit Simulator(const Options& options) {
    world_.require_key = options.require_key;
    if (!options.script.empty()) {
      std::ifstream in(options.script);
      const std::string text((std::istreambuf_iterator<char>(in)), {});
      if (!in && text.empty()) throw std::runtime_error(options.script + ": cannot be read");
      require(world_.planner.load(text));
    }
    if (!options.replay.empty()) require(world_.replay.load(options.replay));
    if (!options.tls_certificate.empty()) {
      net::TlsServerConfig tls;
      tls.certificate = options.tls_certificate;
      tls.key = options.tls_key;
      tls_ = net::make_server_context(tls, std::make_shared<net::TicketKeys>());
    }
    const auto address = net::parse_host_port(options.listen);
    if (!address) throw std::runtime_error(address.error().message);
    const auto fd = net::listen_on(*address, net::Sharing::port);
    if (!fd) throw std::runtime_error(fd.error().message);
    address_ = address->host + ":" + std::to_string(net::port_of(*fd));
    listener_ = std::make_unique<net::Listener>(reactor_, *fd);
    reactor_.start();
    spawn(accept_all(), report_bug);
  }

  const std::string& address() const { return address_; }
  asio::io_context& loop() { return loop_; }
  void run() { loop_.run(); }

 private:
  static void require(const Result<>& result) {
    if (!result) throw std::runtime_error(result.error().message);
  }

  Task<> accept_all() {
    net::Waiter pause(reactor_);
    for (;;) {
      auto accepted = co_await listener_->accept();
      if (accepted.status == IoStatus::cancelled) co_return;
      if (accepted.status != IoStatus::ok) {
        co_await pause.wait(Clock::now() + 50ms);
        continue;
      }
      auto stream = std::make_unique<net::Stream>(reactor_, accepted.fd);
      if (tls_) stream->secure(net::make_server_ssl(*tls_));
      spawn(serve(std::move(stream)), report_bug);
    }
  }

  Task<> serve(std::unique_ptr<net::Stream> stream) {
    Connection connection(world_, std::move(stream));
    co_await connection.run();
  }

  asio::io_context loop_{1};
  net::Reactor reactor_{loop_};
  net::BlockPool blocks_;
  World world_{reactor_, blocks_};
  net::SslContext tls_;
  std::unique_ptr<net::Listener> listener_;
  std::string address_;
};

}  // namespace

int run(const Options& options) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    Simulator simulator(options);
    asio::signal_set signals(simulator.loop(), SIGTERM, SIGINT);
    // Connections need no drain here: the process just ends.
    signals.async_wait([](const boost::system::error_code& error, int) {
      if (!error) std::_Exit(0);
    });
    std::cout << "listening on " << simulator.address() << std::endl;
    simulator.run();
  } catch (const std::exception& e) {
    std::cerr << "hawser: " << e.what() << std::endl;
    return 1;
  }
  return 0;
}

std::string start_in_background() {
  auto simulator = std::make_unique<Simulator>(Options{});
  const std::string url = "http://" + simulator->address() + "/v1";
  std::thread([owned = std::move(simulator)] { owned->run(); }).detach();
  return url;
}

}  // namespace hawser::sim
