#include "http/endpoint.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "base/process_mark.hpp"
#include "wire/url.hpp"

namespace hawser::http {

using net::IoStatus;

namespace {

// Few are asked at once; what a burst opened is not kept for long.
net::PoolConfig few_connections() {
  net::PoolConfig config;
  config.idle_max = 16;
  return config;
}

Error error_of(IoStatus status) {
  switch (status) {
    case IoStatus::timeout:
      return {.code = Code::timeout, .message = "the service did not answer in time"};
    case IoStatus::cancelled:
      return {.code = Code::cancelled, .message = "cancelled"};
    default:
      return {.code = Code::connection, .message = "the connection to the service broke"};
  }
}

std::string head_of(const Endpoint& endpoint, const Ask& what) {
  std::string head;
  head.append(what.method).append(" ").append(what.path).append(" HTTP/1.1\r\n");
  head.append(endpoint.fixed_fields()).append(what.fields);
  head.append(hop_field).append(": ").append(process_mark()).append("\r\n");
  if (!what.body.empty() || what.method == "POST") {
    head.append("content-type: ").append(what.content_type).append("\r\n");
    head.append("content-length: ").append(std::to_string(what.body.size())).append("\r\n");
  }
  return head.append("\r\n");
}

/// What one connection came to.
struct Try {
  Result<Said> said;
  bool dead = false;    // the connection was, before it took the question
  bool unread = false;  // provably
};

// Of streams that the service refuses while its connections say goodbye.
constexpr int refusals_max = 6;

Task<Result<std::string>> read_body(UpstreamConnection& connection, std::size_t most,
                                    Clock::time_point deadline) {
  std::string body;
  bool last = false;
  while (!last) {
    auto piece = co_await connection.next(deadline);
    if (!piece) co_return piece.error();
    body.append(piece->bytes);
    last = piece->last;
    if (body.size() > most) {
      co_return Error{.code = Code::too_large, .message = "the service's answer is too large"};
    }
  }
  co_return std::move(body);
}

Task<Try> ask_on(UpstreamConnection& connection, const std::string& head, const Ask& what,
                 Clock::time_point deadline) {
  const std::array<std::string_view, 2> parts{head, what.body};
  const std::span<const std::string_view> all(parts.data(), what.body.empty() ? 1 : 2);
  const IoStatus sent = co_await connection.send(all, true, deadline);
  if (sent != IoStatus::ok && !connection.has_input()) {
    const bool broke = sent == IoStatus::failed;
    co_return Try{error_of(sent), connection.reused() && broke, broke && connection.unread(1)};
  }
  const auto read = co_await connection.read_head(what.method, deadline);
  if (read.malformed) {
    co_return Try{Error{.code = Code::upstream, .message = "the service's answer is malformed"}};
  }
  if (read.status != IoStatus::ok) {
    const bool refused = read.status == IoStatus::closed || read.status == IoStatus::failed;
    const bool silent = !read.answered && refused;
    const bool unread = silent && connection.unread(head.size() + what.body.size());
    co_return Try{error_of(read.status), connection.reused() && silent, unread};
  }
  Said said;
  said.status = connection.head().status;
  for (const auto& field : connection.head().fields) {
    said.fields.append(field.name).append(": ").append(field.value).append("\n");
  }
  connection.begin_body();
  auto body = co_await read_body(connection, what.answer_max, deadline);
  if (!body) co_return Try{body.error()};
  said.body = std::move(*body);
  co_return Try{std::move(said)};
}

}  // namespace

Endpoint::Endpoint(const EndpointConfig& config) {
  const auto url = wire::parse_url(config.url);
  if (!url) throw std::runtime_error("url " + url.error().message);
  if (!config.host.empty() && !wire::valid_authority(config.host)) {
    throw std::runtime_error("host must be HOST or HOST:PORT");
  }
  origin_ = net::origin_of(url->tls, url->host, url->port, config.tls, config.way);
  path_ = url->path.empty() ? "/" : url->path;
  if (url->tls) tls_ = net::make_client_context(config.tls, url->authority());
  std::string fixed = "host: " + (config.host.empty() ? url->authority() : config.host) + "\r\n";
  if (!config.api_key.empty()) {
    fixed.append("authorization: Bearer ").append(config.api_key.reveal()).append("\r\n");
  }
  for (const auto& [name, value] : config.headers) {
    fixed.append(name).append(": ").append(value).append("\r\n");
  }
  fixed_ = Secret(std::move(fixed));
}

std::shared_ptr<OriginPool> Endpoint::pool(UpstreamPools& pools) const {
  return pools.at(origin_, few_connections(), tls_);
}

bool Endpoint::usable(Clock::time_point now) const {
  return std::all_of(required_.begin(), required_.end(),
                     [now](const FreshnessPtr& fresh) { return fresh->good(now); });
}

std::string_view Said::field(std::string_view name) const {
  std::string_view rest = fields;
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    const auto colon = line.find(": ");
    if (wire::same_token(line.substr(0, colon), name)) return line.substr(colon + 2);
  }
  return {};
}

Task<Result<Said>> ask(const Endpoint& endpoint, OriginPool& pool, Ask what,
                       Clock::time_point deadline, net::Cancellation& cancellation) {
  if (!endpoint.usable(Clock::now())) {
    co_return Error{.code = Code::upstream, .message = "the credential for the service is too old"};
  }
  const std::string head = head_of(endpoint, what);
  bool again = true;
  int refusals = 0;
  for (bool fresh = false; again; fresh = true) {
    UpstreamPtr connection = fresh ? nullptr : pool.take();
    if (!connection) {
      const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
      const auto patience = std::max(left, milliseconds(1));
      auto opened = co_await pool.open({patience, patience}, cancellation);
      if (!opened) co_return opened.error();
      connection = std::move(*opened);
    }
    const net::Cancellation::Binding bound(cancellation, connection->waiter());
    if (cancellation.cancelled()) co_return error_of(IoStatus::cancelled);  // it is sent for nobody
    auto tried = co_await ask_on(*connection, head, what, deadline);
    again = (tried.dead && !fresh) || (tried.unread && ++refusals <= refusals_max);
    if (again) continue;
    if (tried.said) pool.give_back(std::move(connection));
    co_return std::move(tried.said);
  }
  co_return error_of(IoStatus::failed);
}

}  // namespace hawser::http
