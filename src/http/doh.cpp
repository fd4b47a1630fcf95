#include "http/doh.hpp"

#include <algorithm>
#include <charconv>

namespace hawser::http {
namespace {

constexpr std::size_t answer_max = 64 * 1024;  // a DNS message
constexpr std::chrono::seconds ttl_min{1};
constexpr std::chrono::seconds ttl_max{24 * 3600};

net::asio::ip::address asio_address(const IpAddress& address) {
  if (address.v4()) {
    net::asio::ip::address_v4::bytes_type bytes{};
    std::copy(address.bytes.begin() + 12, address.bytes.end(), bytes.begin());
    return net::asio::ip::address_v4(bytes);
  }
  return net::asio::ip::address_v6(address.bytes);
}

/// What an HTTP cache on the way has used up of the time.
std::chrono::seconds age_of(const Said& said) {
  const auto text = said.field("age");
  std::int64_t age = 0;
  std::from_chars(text.data(), text.data() + text.size(), age);
  return std::chrono::seconds(std::max<std::int64_t>(age, 0));
}

}  // namespace

/// The questions of one look-up; the coroutines of both families share it.
struct DohNames::Both {
  explicit Both(net::Reactor& reactor) : news(reactor) {}
  net::Waiter news;
  std::string host{};
  net::Found found{{}, ttl_max};
  int open = 2;
  Error last{.code = Code::connection, .message = "the provider's name does not resolve"};
  net::Cancellation never{};
};

Task<> DohNames::ask_one(std::shared_ptr<Both> both, wire::DnsType type,
                         Clock::time_point deadline) {
  const auto query = wire::dns_query(both->host, type);
  if (query) {
    net::Cancellation never;
    Ask what;
    what.path = endpoint_->path();
    what.fields = "accept: application/dns-message\r\n";
    what.body = *query;
    what.content_type = "application/dns-message";
    what.answer_max = answer_max;
    const auto said = co_await ask(*endpoint_, *pool_, what, deadline, never);
    if (!said) {
      both->last = said.error();
    } else if (said->status == 200) {
      const auto answer = wire::parse_dns_answer(said->body, both->host, type);
      if (!answer) both->last = answer.error();
      if (answer && !answer->addresses.empty()) {
        for (const auto& address : answer->addresses) {
          both->found.addresses.push_back(asio_address(address));
        }
        both->found.ttl = std::min(both->found.ttl, answer->ttl - age_of(*said));
      }
    }
  }
  --both->open;
  both->news.complete(net::IoStatus::ok);
}

Task<Result<net::Found>> DohNames::look_up(std::string host, Clock::time_point deadline) {
  auto both = std::make_shared<Both>(reactor_);
  both->host = std::move(host);
  spawn(ask_one(both, wire::DnsType::aaaa, deadline), [](std::exception_ptr) {});
  spawn(ask_one(both, wire::DnsType::a, deadline), [](std::exception_ptr) {});
  auto waited = net::IoStatus::ok;
  while (both->open > 0 && waited == net::IoStatus::ok) {
    waited = co_await both->news.wait(deadline);
  }
  if (both->found.addresses.empty()) co_return both->last;
  both->found.ttl = std::clamp(both->found.ttl, ttl_min, ttl_max);
  co_return std::move(both->found);
}

}  // namespace hawser::http
