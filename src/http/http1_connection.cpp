#include "http/http1_connection.hpp"

#include "net/acknowledged.hpp"

namespace hawser::http {

using net::IoStatus;

Http1Connection::Http1Connection(std::shared_ptr<OriginPool> pool,
                                 std::unique_ptr<net::Stream> stream, net::BlockPool& blocks)
    : pool_(std::move(pool)), stream_(std::move(stream)), in_(blocks), body_(*stream_, in_) {
  ++pool_->open_;
}

Http1Connection::~Http1Connection() {
  stream_->goodbye();
  --pool_->open_;
}

Task<IoStatus> Http1Connection::send(std::span<const std::string_view> parts, bool,
                                     Clock::time_point deadline) {
  return stream_->send(parts, deadline);
}

bool Http1Connection::unread(std::size_t bytes) const {
  return reused() && net::unacknowledged(stream_->fd(), bytes);
}

std::string Http1Connection::alert() const {
  return stream_->secured() ? net::tls_alert() : std::string();
}

Task<UpstreamConnection::HeadRead> Http1Connection::read_head(std::string_view method,
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
      head_size_ = static_cast<std::uint32_t>(outcome_of_head.consumed);
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

void Http1Connection::begin_body() {
  keep_alive_ = head().keep_alive;
  body_.begin(head().framing, head().content_length);
  in_.consume(head_size_);
}

bool Http1Connection::reusable() const {
  return keep_alive_ && body_.done() && !stream_->peer_gone();
}

void Http1Connection::hung_up() {
  pool_->drop(this);
}

}  // namespace hawser::http
