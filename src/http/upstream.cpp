#include "http/upstream.hpp"

#include <algorithm>

#include "http/http1_connection.hpp"
#include "http/http2_connection.hpp"

namespace hawser::http {

using net::IoStatus;

Task<Result<net::Piece>> UpstreamConnection::next(Clock::time_point deadline) {
  for (;;) {
    auto piece = next_now();
    if (!piece || piece->last || !piece->bytes.empty()) co_return piece;
    const IoStatus waited = co_await wait(deadline);
    if (waited != IoStatus::ok) co_return BodyReader::error_of(waited);
  }
}

// --- OriginPool

OriginPool::OriginPool(UpstreamParts parts, net::Origin origin, net::PoolConfig config,
                       net::SslContext tls)
    : parts_(parts), config_(config) {
  dial_.origin = std::move(origin);
  dial_.tls = std::move(tls);
}

OriginPool::~OriginPool() = default;

void OriginPool::configure(const net::PoolConfig& config, net::SslContext tls) {
  config_ = config;
  dial_.tls = std::move(tls);
}

UpstreamPtr OriginPool::take() {
  if (!shared_.empty() && waiting_.empty()) {
    if (auto stream = take_stream()) return stream;
  }
  while (!idle_.empty()) {
    std::unique_ptr<Http1Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    net::Stream& stream = *connection->stream_;
    stream.watch_hangup(nullptr);
    if (stream.peer_gone()) continue;
    if (stream.readable()) {
      // Nothing may come unasked on an idle connection, but a TLS session ticket.
      if (!stream.secured()) continue;
      char unasked = 0;
      if (stream.try_read({&unasked, 1}).status != IoStatus::would_block) continue;
    }
    ++connection->exchanges_;
    return connection;
  }
  return nullptr;
}

Task<Result<UpstreamPtr>> OriginPool::open(net::ConnectTimeouts timeouts,
                                           net::Cancellation& cancellation) {
  warm_timeouts_ = timeouts;
  return shares() ? open_shared(timeouts, cancellation) : open_own(timeouts, cancellation);
}

std::unique_ptr<Http1Connection> OriginPool::keep_alone(std::unique_ptr<net::Stream> stream) {
  return std::make_unique<Http1Connection>(shared_from_this(), std::move(stream), parts_.blocks);
}

Task<Result<UpstreamPtr>> OriginPool::open_own(net::ConnectTimeouts timeouts,
                                               net::Cancellation& cancellation) {
  const auto self = shared_from_this();
  auto stream =
      co_await net::connect(parts_.reactor, parts_.resolver, dial_, timeouts, cancellation);
  if (!stream) co_return stream.error();
  if (speaks_http2(**stream)) {  // it did not before
    share(std::move(*stream));
    if (auto first = take_stream()) co_return first;
    co_return Error{.code = Code::connection, .message = "the connection to the provider broke"};
  }
  auto connection = keep_alone(std::move(*stream));
  connection->exchanges_ = 1;
  co_return UpstreamPtr(std::move(connection));
}

void OriginPool::give_back(UpstreamPtr given) {
  Http1Connection* const alone = given->http1();
  if (alone == nullptr) return;  // a stream ends with its exchange
  (void)given.release();
  std::unique_ptr<Http1Connection> connection(alone);
  if (!connection->reusable() || idle_.size() >= config_.idle_max) return;
  connection->body_.release();
  if (!connection->in_.empty()) return;
  connection->in_.release_if_empty();
  connection->idle_since_ = now();
  connection->stream_->watch_hangup(alone);
  idle_.push_back(std::move(connection));
}

void OriginPool::drop(Http1Connection* connection) {
  std::erase_if(idle_, [&](const auto& idle) { return idle.get() == connection; });
}

void OriginPool::tend(Clock::time_point now) {
  // The oldest stand in front. Prewarmed ones are replaced as they go.
  while (!idle_.empty() && now - idle_.front()->idle_since_ > config_.idle_timeout) {
    idle_.erase(idle_.begin());
  }
  if (!shared_.empty() || shares()) tend_shared(now);
  if (shares() || closing_ || forgotten()) return;
  // Counted first: those that fail at once are tried again at the next turn, not in this one.
  const std::uint32_t there = open_ + warming_;
  for (auto more = std::max(config_.prewarm, there) - there; more > 0; --more) {
    spawn(warm_one(), [](std::exception_ptr) {});
  }
}

Task<> OriginPool::warm_one() {
  const auto self = shared_from_this();
  net::Cancellation never;
  ++warming_;
  auto stream =
      co_await net::connect(parts_.reactor, parts_.resolver, dial_, warm_timeouts_, never);
  --warming_;
  if (stream) arrived(std::move(*stream));  // else tried again at the next tend()
}

void OriginPool::close_idle() {
  closing_ = true;
  idle_.clear();
  const auto shared = shared_;
  for (const auto& connection : shared) connection->close_if_idle();
  wake_all(
      [](Waiting& one) { one.error = Error{.code = Code::cancelled, .message = "cancelled"}; });
}

// --- UpstreamPools

std::shared_ptr<OriginPool> UpstreamPools::at(const net::Origin& origin,
                                              const net::PoolConfig& config,
                                              const net::SslContext& tls) {
  for (const auto& pool : pools_) {
    if (pool->origin() != origin) continue;
    pool->configure(config, tls);
    return pool;
  }
  pools_.push_back(std::make_shared<OriginPool>(parts_, origin, config, tls));
  return pools_.back();
}

void UpstreamPools::tend(Clock::time_point now) {
  for (const auto& pool : pools_) pool->tend(now);
  std::erase_if(pools_, [this](const auto& pool) {
    const bool over = pool->forgotten() && pool->idle() == 0;
    if (over) pool->add_figures(past_);
    return over;
  });
}

void UpstreamPools::close_idle() {
  for (const auto& pool : pools_) pool->close_idle();
}

Http2Figures UpstreamPools::figures() const {
  Http2Figures sum = past_;
  for (const auto& pool : pools_) pool->add_figures(sum);
  return sum;
}

}  // namespace hawser::http
