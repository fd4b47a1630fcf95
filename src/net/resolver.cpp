#include "net/resolver.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>

namespace hawser::net {
namespace {

constexpr auto stale_for = 1h;
constexpr auto distrusted_for = 1min;
constexpr std::size_t names_max = 4096;

bool holds(const std::vector<asio::ip::address>& all, const asio::ip::address& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

Addresses at_port(const std::vector<asio::ip::address>& addresses, std::uint16_t port) {
  Addresses endpoints;
  for (const auto& address : addresses) endpoints.emplace_back(address, port);
  return interleave(endpoints);
}

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

Resolver::Resolver(Reactor& reactor) : reactor_(reactor) {
  settings_.sources.push_back(std::make_shared<SystemNames>(reactor));
}

void Resolver::configure(Settings settings) {
  settings_ = std::move(settings);
  // Who asks or waits at this moment stands in its entry: it is aged, not taken away.
  for (auto& [host, known] : known_) {
    known.distrusted.clear();
    known.until = {};
  }
}

std::vector<asio::ip::address> Resolver::trusted(const Known& known,
                                                 const std::vector<asio::ip::address>& all) const {
  std::vector<asio::ip::address> left;
  const auto now = Clock::now();
  for (const auto& address : all) {
    const bool bad = std::any_of(
        known.distrusted.begin(), known.distrusted.end(),
        [&](const auto& entry) { return entry.first == address && entry.second > now; });
    if (!bad) left.push_back(address);
  }
  return left;
}

void Resolver::distrust(const std::string& host, const asio::ip::address& address) {
  Known& known = known_[host];
  const auto now = Clock::now();
  std::erase_if(known.distrusted,
                [&](const auto& entry) { return entry.second <= now || entry.first == address; });
  known.distrusted.emplace_back(address, now + distrusted_for);
}

Task<> Resolver::compare(std::string host, std::vector<asio::ip::address> first) {
  const auto other = settings_.sources[1];
  const auto found = co_await other->look_up(host, Clock::now() + settings_.source_timeout);
  if (!found) co_return;
  const bool same = std::any_of(found->addresses.begin(), found->addresses.end(),
                                [&](const auto& address) { return holds(first, address); });
  if (!same && settings_.on_mismatch) settings_.on_mismatch(host);
}

/// The first answer with an address that is trusted; where there is none, any answer: what was
/// wrong may have been mended.
Task<Result<Found>> Resolver::ask_all(std::string host, Clock::time_point deadline) {
  Result<Found> best =
      Error{.code = Code::connection, .message = "the provider's name does not resolve"};
  const auto sources = settings_.sources;  // a reload may change them meanwhile
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const auto limit = std::min(deadline, Clock::now() + settings_.source_timeout);
    auto found = co_await sources[i]->look_up(host, limit);
    if (!found) {
      if (!best) best = found.error();
      continue;
    }
    if (i == 0 && settings_.compare && sources.size() > 1) {
      spawn(compare(host, found->addresses), [](std::exception_ptr) {});
    }
    auto good = trusted(known_[host], found->addresses);
    const bool enough = !good.empty();
    if (enough) found->addresses = std::move(good);
    if (enough || !best) best = std::move(*found);
    if (enough) break;
  }
  co_return std::move(best);
}

Task<IoStatus> Resolver::wait_for_the_asker(Known& known, Clock::time_point deadline) {
  Waiter waiter(reactor_);
  known.waiting.push_back(&waiter);
  const IoStatus waited = co_await waiter.wait(deadline);
  std::erase(known.waiting, &waiter);
  co_return waited;
}

Task<Result<Addresses>> Resolver::resolve(std::string host, std::uint16_t port,
                                          Clock::time_point deadline) {
  boost::system::error_code not_numeric;
  const auto literal = asio::ip::make_address(host, not_numeric);
  if (!not_numeric) co_return Addresses(1, asio::ip::tcp::endpoint(literal, port));
  if (const auto fixed = settings_.fixed.find(host); fixed != settings_.fixed.end()) {
    co_return at_port(fixed->second, port);
  }
  if (known_.size() > names_max) {
    std::erase_if(known_, [](const auto& entry) { return !entry.second.asked; });
  }
  Known& known = known_[host];
  if (known.asked) co_await wait_for_the_asker(known, deadline);
  if (Clock::now() < known.until) {
    const auto good = trusted(known, known.addresses);
    if (!good.empty()) co_return at_port(good, port);
  }
  known.asked = true;
  auto found = co_await ask_all(host, deadline);
  known.asked = false;
  const auto now = Clock::now();
  if (found) {
    known.addresses = std::move(found->addresses);
    known.until = now + found->ttl;
    known.stale_until = known.until + stale_for;
  }
  for (const auto waiting = known.waiting; Waiter * waiter : waiting) {
    waiter->complete(IoStatus::ok);
  }
  if (found || (now < known.stale_until && !known.addresses.empty())) {
    co_return at_port(known.addresses, port);
  }
  co_return found.error();
}

}  // namespace hawser::net
