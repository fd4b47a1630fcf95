// What OriginPool does with connections of HTTP/2.
#include <algorithm>

#include "http/http1_connection.hpp"
#include "http/http2_connection.hpp"
#include "net/tls_server.hpp"

namespace hawser::http {

using net::HttpVersion;
using net::IoStatus;

namespace {

constexpr auto lived_long = 1s;  // one that was lost sooner is replaced at leisure

}  // namespace

/// Whether new connections are, or may turn out to be, for more than one exchange at a time.
bool OriginPool::shares() const {
  const auto& origin = dial_.origin;
  if (origin.http == HttpVersion::http2) return true;
  return origin.http == HttpVersion::by_alpn && origin.tls && !http1_only_;
}

bool OriginPool::speaks_http2(const net::Stream& stream) const {
  if (stream.secured()) return net::chose_http2(stream.ssl());
  return dial_.origin.http == HttpVersion::http2;
}

/// Waits for a stream, whichever connection has room first. Connections are opened for all who
/// wait, and no one's going ends what others wait for.
Task<Result<UpstreamPtr>> OriginPool::open_shared(net::ConnectTimeouts timeouts,
                                                  net::Cancellation& cancellation) {
  const auto self = shared_from_this();
  IoStatus waited = closing_ ? IoStatus::cancelled : IoStatus::ok;
  const auto deadline = Clock::now() + config_.wait_max;
  Waiting waiting(*this);
  if (!cancellation.cancelled()) dial_for_waiting();
  {
    const net::Cancellation::Binding bound(cancellation, waiting.news);
    while (!waiting.served() && waited == IoStatus::ok) {
      waited = co_await waiting.news.wait(deadline);
    }
  }
  if (waiting.got) co_return std::move(waiting.got);
  if (waiting.error) co_return *waiting.error;
  if (waiting.alone) co_return co_await open_own(timeouts, cancellation);
  if (waited == IoStatus::cancelled) {
    co_return Error{.code = Code::cancelled, .message = "cancelled"};
  }
  co_return Error{.code = Code::overloaded,
                  .message = "no connection to the provider had a free stream in time"};
}

UpstreamPtr OriginPool::take_stream() {
  Http2Connection* best = nullptr;
  for (const auto& connection : shared_) {
    if (connection->room() == 0) continue;
    if (best == nullptr || connection->streams() < best->streams()) best = connection.get();
  }
  return best == nullptr ? nullptr : best->begin();
}

std::size_t OriginPool::usable() const {
  return static_cast<std::size_t>(std::count_if(
      shared_.begin(), shared_.end(), [](const auto& connection) { return connection->usable(); }));
}

/// Of one more connection.
std::size_t OriginPool::streams_expected() const {
  return std::max(1u, std::min(config_.streams_max, peer_streams_max_));
}

void OriginPool::dial_for_waiting() {
  if (closing_) return;
  const std::size_t each = streams_expected();
  std::size_t coming = dialing_ * each;
  for (const auto& connection : shared_) {
    if (connection->usable()) coming += connection->settled() ? connection->room() : each - 1;
  }
  std::size_t connections = usable() + dialing_;
  // One that fails at once fails all who wait.
  for (; coming < waiting_.size() && connections < config_.connections_max; ++connections) {
    coming += each;
    spawn(dial_shared(), [](std::exception_ptr) {});
  }
}

Task<> OriginPool::dial_shared() {
  const auto self = shared_from_this();
  net::Cancellation never;
  ++dialing_;
  auto stream =
      co_await net::connect(parts_.reactor, parts_.resolver, dial_, warm_timeouts_, never);
  --dialing_;
  if (stream) {
    arrived(std::move(*stream));
  } else {
    serve(stream.error());
  }
}

/// A connection is there: for those who wait, or for those to come.
void OriginPool::arrived(std::unique_ptr<net::Stream> stream) {
  if (speaks_http2(*stream)) {
    http1_only_ = false;
    share(std::move(stream));
    serve_waiting();
    return;
  }
  if (dial_.origin.http == HttpVersion::http2) {
    serve(Error{.code = Code::connection, .message = "the provider does not speak HTTP/2"});
    return;
  }
  http1_only_ = true;
  auto connection = keep_alone(std::move(stream));
  connection->keep_alive_ = true;
  if (waiting_.empty()) {
    give_back(std::move(connection));
    return;
  }
  connection->exchanges_ = 1;
  waiting_.front()->got = std::move(connection);
  wake_all([](Waiting& one) { one.alone = true; });
}

/// Each of those who wait now; what they do then may end or begin other waits.
void OriginPool::wake_all(const std::function<void(Waiting&)>& tell) {
  for (auto left = waiting_.size(); left > 0 && !waiting_.empty(); --left) {
    Waiting* const first = waiting_.front();
    waiting_.pop_front();
    tell(*first);
    first->news.complete(IoStatus::ok);
  }
}

void OriginPool::share(std::unique_ptr<net::Stream> stream) {
  auto connection = std::make_shared<Http2Connection>(shared_from_this(), std::move(stream),
                                                      parts_.blocks, config_);
  shared_.push_back(connection);
  spawn(connection->run(), [](std::exception_ptr) {});
}

/// No connection came, for that reason. Who can still get a room on another one waits on.
void OriginPool::serve(const Error& error) {
  if (dialing_ > 0 || usable() > 0) return;
  wake_all([&](Waiting& one) { one.error = error; });
}

void OriginPool::serve_waiting() {
  const auto self = shared_from_this();
  while (!waiting_.empty()) {
    auto stream = take_stream();
    if (!stream) break;
    Waiting* const first = waiting_.front();
    waiting_.pop_front();
    first->got = std::move(stream);
    first->news.complete(IoStatus::ok);
  }
  if (!waiting_.empty()) dial_for_waiting();
}

/// Streams ended, or there may be more of them: told from within anything, done behind it.
void OriginPool::announce_room() {
  if (waiting_.empty() || std::exchange(announced_, true)) return;
  parts_.reactor.post([self = shared_from_this()] {
    self->announced_ = false;
    self->serve_waiting();
  });
}

/// Called by a connection whose end it is.
void OriginPool::gone(const Http2Connection& connection) {
  const bool lived = now() - connection.since() >= lived_long;
  std::erase_if(shared_, [&](const auto& one) { return one.get() == &connection; });
  announce_room();
  const bool short_of = usable() + dialing_ < config_.prewarm;
  if (lived && short_of && !closing_ && shares()) spawn(dial_shared(), [](std::exception_ptr) {});
}

/// Connections that nobody uses are closed, but for those that are kept warm: these live on.
void OriginPool::tend_shared(Clock::time_point now) {
  const bool wanted = !forgotten() && !closing_ && shares();
  const std::size_t kept = wanted ? config_.prewarm : 0;
  std::size_t there = usable() + dialing_;
  const auto shared = shared_;
  for (const auto& connection : shared) {
    if (!connection->usable() || there <= kept) continue;
    if (now - connection->idle_since() > config_.idle_timeout && connection->close_if_idle()) {
      --there;
    }
  }
  for (; there < kept; ++there) spawn(dial_shared(), [](std::exception_ptr) {});
}

void OriginPool::add_figures(Http2Figures& sum) const {
  for (const auto& connection : shared_) sum.streams += connection->streams();
  sum.connections += shared_.size();
  sum.refused += refused_;
  sum.lost += lost_;
}

}  // namespace hawser::http
