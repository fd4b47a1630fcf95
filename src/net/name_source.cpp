#include "net/name_source.hpp"

#include <memory>

namespace hawser::net {
namespace {

constexpr std::chrono::seconds fresh_for{30};  // the system does not tell its records' times

/// Shared with Asio's callback: the coroutine may give up before the system answers.
struct Lookup {
  explicit Lookup(Reactor& reactor) : waiter(reactor) {}
  Waiter waiter;
  Found found{{}, fresh_for};
};

}  // namespace

Task<Result<Found>> SystemNames::look_up(std::string host, Clock::time_point deadline) {
  auto lookup = std::make_shared<Lookup>(reactor_);
  resolver_.async_resolve(host, "", [lookup](const boost::system::error_code& error, auto results) {
    if (!error) {
      for (const auto& entry : results) {
        lookup->found.addresses.push_back(entry.endpoint().address());
      }
    }
    lookup->waiter.complete(IoStatus::ok);
  });
  reactor_.expect(1);
  const IoStatus waited = co_await lookup->waiter.wait(deadline);
  reactor_.expect(-1);
  if (!lookup->found.addresses.empty()) co_return std::move(lookup->found);
  if (waited == IoStatus::timeout) {
    co_return Error{.code = Code::timeout,
                    .message = "the provider's name took too long to resolve"};
  }
  co_return Error{.code = Code::connection, .message = "the provider's name does not resolve"};
}

}  // namespace hawser::net
