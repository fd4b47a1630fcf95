#include "net/resolver.hpp"

#include <boost/asio/ip/address.hpp>
#include <memory>

namespace hawser::net {
namespace {

constexpr auto fresh_for = 30s;
constexpr auto stale_for = 1h;

/// Shared with Asio's callback: the coroutine may give up before the system answers.
struct Lookup {
  explicit Lookup(Reactor& reactor) : waiter(reactor) {}
  Waiter waiter;
  Addresses found{};
};

}  // namespace

Addresses interleave(const Addresses& addresses) {
  Addresses first, other, mixed;
  for (const auto& address : addresses) {
    const bool leading = address.address().is_v6() == addresses.front().address().is_v6();
    (leading ? first : other).push_back(address);
  }
  for (std::size_t i = 0; i < std::max(first.size(), other.size()); ++i) {
    if (i < first.size()) mixed.push_back(first[i]);
    if (i < other.size()) mixed.push_back(other[i]);
  }
  return mixed;
}

Task<Result<Addresses>> Resolver::resolve(std::string host, std::uint16_t port,
                                          Clock::time_point deadline) {
  boost::system::error_code not_numeric;
  const auto literal = asio::ip::make_address(host, not_numeric);
  if (!not_numeric) co_return Addresses(1, asio::ip::tcp::endpoint(literal, port));

  const auto key = std::make_pair(host, port);
  const auto now = Clock::now();
  auto known = known_.find(key);
  if (known != known_.end() && now - known->second.at < fresh_for) {
    co_return known->second.addresses;
  }
  auto lookup = std::make_shared<Lookup>(reactor_);
  resolver_.async_resolve(host, std::to_string(port),
                          [lookup](const boost::system::error_code& error, auto results) {
                            if (!error) {
                              for (const auto& entry : results) {
                                lookup->found.push_back(entry.endpoint());
                              }
                            }
                            lookup->waiter.complete(IoStatus::ok);
                          });
  reactor_.expect(1);
  const IoStatus waited = co_await lookup->waiter.wait(deadline);
  reactor_.expect(-1);
  if (!lookup->found.empty()) {
    Known& entry = known_[key];
    entry.addresses = interleave(lookup->found);
    entry.at = now;
    co_return entry.addresses;
  }
  known = known_.find(key);
  if (known != known_.end() && now - known->second.at < stale_for) {
    co_return known->second.addresses;
  }
  if (waited == IoStatus::timeout) {
    co_return Error{.code = Code::timeout,
                    .message = "the provider's name took too long to resolve"};
  }
  co_return Error{.code = Code::connection, .message = "the provider's name does not resolve"};
}

}  // namespace hawser::net
