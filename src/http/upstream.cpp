#include "http/upstream.hpp"

#include <algorithm>

namespace hawser::http {

using net::IoStatus;

// --- UpstreamConnection

UpstreamConnection::UpstreamConnection(std::shared_ptr<OriginPool> pool,
                                       std::unique_ptr<net::Stream> stream, net::BlockPool& blocks)
    : pool_(std::move(pool)), stream_(std::move(stream)), in_(blocks), body_(*stream_, in_) {
  ++pool_->open_;
}

UpstreamConnection::~UpstreamConnection() {
  stream_->goodbye();
  --pool_->open_;
}

Task<UpstreamConnection::HeadRead> UpstreamConnection::read_head(std::string_view method,
                                                                 Clock::time_point deadline) {
  static const wire::HeadLimits limits{.head_max = 128 * 1024, .target_max = 0, .fields_max = 256};
  std::size_t searched = 0;
  for (;;) {
    const auto outcome_of_head =
        wire::parse_response_head(in_.view(), searched, method, limits, pool_->head_);
    if (outcome_of_head.state == wire::HeadOutcome::State::malformed) {
      co_return HeadRead{IoStatus::failed, true, true};
    }
    if (outcome_of_head.state == wire::HeadOutcome::State::complete) {
      head_size_ = outcome_of_head.consumed;
      if (pool_->head_.status >= 200) co_return HeadRead{IoStatus::ok, false, true};
      if (pool_->head_.status == 101)
        co_return HeadRead{IoStatus::failed, true, true};  // never asked for
      in_.consume(head_size_);
      searched = 0;
      continue;
    }
    if (in_.full()) in_.grow();
    const IoStatus status = co_await stream_->read(in_, deadline);
    if (status != IoStatus::ok) co_return outcome(status);
  }
}

const wire::ResponseHead& UpstreamConnection::head() const {
  return pool_->head_;
}

void UpstreamConnection::begin_body() {
  keep_alive_ = head().keep_alive;
  body_.begin(head().framing, head().content_length);
  in_.consume(head_size_);
}

bool UpstreamConnection::reusable() const {
  return keep_alive_ && body_.done() && !stream_->peer_gone();
}

void UpstreamConnection::hung_up() {
  pool_->drop(this);
}

// --- OriginPool

OriginPool::OriginPool(UpstreamParts parts, net::Origin origin, net::PoolConfig config,
                       net::SslContext tls)
    : parts_(parts), config_(config) {
  dial_.origin = std::move(origin);
  dial_.tls = std::move(tls);
}

void OriginPool::configure(const net::PoolConfig& config, net::SslContext tls) {
  config_ = config;
  dial_.tls = std::move(tls);
}

UpstreamPtr OriginPool::take() {
  while (!idle_.empty()) {
    UpstreamPtr connection = std::move(idle_.back());
    idle_.pop_back();
    net::Stream& stream = connection->stream();
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
  const auto self = shared_from_this();
  warm_timeouts_ = timeouts;
  auto stream =
      co_await net::connect(parts_.reactor, parts_.resolver, dial_, timeouts, cancellation);
  if (!stream) co_return stream.error();
  auto connection = std::make_unique<UpstreamConnection>(self, std::move(*stream), parts_.blocks);
  connection->exchanges_ = 1;
  co_return std::move(connection);
}

void OriginPool::give_back(UpstreamPtr connection) {
  if (!connection->reusable() || idle_.size() >= config_.idle_max) return;
  connection->body_.release();
  if (!connection->in_.empty()) return;
  connection->in_.release_if_empty();
  connection->idle_since_ = now();
  connection->stream().watch_hangup(connection.get());
  idle_.push_back(std::move(connection));
}

void OriginPool::drop(UpstreamConnection* connection) {
  std::erase_if(idle_, [&](const UpstreamPtr& idle) { return idle.get() == connection; });
}

void OriginPool::tend(Clock::time_point now) {
  // The oldest stand in front. Prewarmed ones are replaced as they go.
  while (!idle_.empty() && now - idle_.front()->idle_since_ > config_.idle_timeout) {
    idle_.erase(idle_.begin());
  }
  if (forgotten()) return;
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
  auto connection = co_await open(warm_timeouts_, never);
  --warming_;
  if (!connection) co_return;  // tried again at the next tend()
  (*connection)->exchanges_ = 0;
  (*connection)->keep_alive_ = true;
  give_back(std::move(*connection));
}

void OriginPool::close_idle() {
  idle_.clear();
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
  std::erase_if(pools_, [](const auto& pool) { return pool->forgotten() && pool->idle() == 0; });
}

void UpstreamPools::close_idle() {
  for (const auto& pool : pools_) pool->close_idle();
}

}  // namespace hawser::http
