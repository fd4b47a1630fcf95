#include "http/http1_connection.hpp"

#include "net/acknowledged.hpp"

namespace hawser::http {

using net::IoStatus;

namespace {

constexpr wire::HeadLimits head_limits{.head_max = 128 * 1024, .target_max = 0, .fields_max = 256};
constexpr int refusals_from = 300;  // a redirection is not followed either

}  // namespace

Http1Connection::Http1Connection(std::shared_ptr<OriginPool> pool,
                                 std::unique_ptr<net::Stream> stream, net::BlockPool& blocks)
    : pool_(std::move(pool)), stream_(std::move(stream)), in_(blocks), body_(*stream_, in_) {
  ++pool_->open_;
}

Http1Connection::~Http1Connection() {
  stream_->goodbye();
  --pool_->open_;
}

Task<IoStatus> Http1Connection::send(std::span<const std::string_view> parts, bool last,
                                     Clock::time_point deadline) {
  request_whole_ = false;
  const net::IoResult sent = stream_->try_write(parts);
  if (!stream_->took_all(parts, sent)) return send_rest(parts, last, sent, deadline);
  request_whole_ = last;
  return IoStatus::ok;
}

Task<IoStatus> Http1Connection::send_rest(std::span<const std::string_view> parts, bool last,
                                          net::IoResult sent, Clock::time_point deadline) {
  std::size_t at = 0;
  for (;;) {
    if (sent.status != IoStatus::ok && sent.status != IoStatus::would_block) co_return sent.status;
    // `sent` counts from the beginning of part `at`.
    while (at < parts.size() && sent.bytes >= parts[at].size()) sent.bytes -= parts[at++].size();
    if (at == parts.size() && stream_->flushed()) break;
    if (!stream_->writable() || !stream_->flushed()) {
      if (refuses_rest()) co_return IoStatus::failed;
      const IoStatus waited = co_await stream_->wait(net::Channel::Want::either, deadline);
      if (waited != IoStatus::ok) co_return waited;
    }
    const std::string_view rest = at < parts.size() ? parts[at].substr(sent.bytes) : "";
    const net::IoResult more = stream_->try_write({&rest, 1});
    sent = {more.status, sent.bytes + more.bytes};
  }
  request_whole_ = last;
  co_return IoStatus::ok;
}

// A provider that sends 100 (Continue) unasked goes on reading: only a final answer ends a request.
bool Http1Connection::has_input() {
  while (stream_->has_input()) {
    if (stream_->peer_gone() || in_.full())
      return true;  // its end or its error is still to be read
    const IoStatus status = stream_->read_now(in_);
    if (status == IoStatus::would_block) break;
    if (status != IoStatus::ok || !only_interim()) return true;
  }
  return !only_interim();
}

bool Http1Connection::refuses_rest() {
  if (!has_input()) return false;
  std::size_t searched = 0;
  const auto outcome_of_head =
      wire::parse_response_head(in_.view(), searched, "GET", head_limits, pool_->head_);
  if (outcome_of_head.state == wire::HeadOutcome::State::incomplete) {
    return stream_->peer_gone() || in_.full();
  }
  return outcome_of_head.state == wire::HeadOutcome::State::malformed ||
         pool_->head_.status >= refusals_from || pool_->head_.status == 101;
}

/// Drops whole interim answers (1xx). @return whether nothing else has come
bool Http1Connection::only_interim() {
  std::size_t searched = 0;
  while (!in_.empty()) {
    const auto outcome_of_head =
        wire::parse_response_head(in_.view(), searched, "GET", head_limits, pool_->head_);
    if (outcome_of_head.state == wire::HeadOutcome::State::malformed) return false;
    if (outcome_of_head.state == wire::HeadOutcome::State::incomplete) {
      constexpr std::string_view begin = "HTTP/1.1 1";
      return begin.starts_with(in_.view().substr(0, begin.size()));
    }
    if (pool_->head_.status >= 200 || pool_->head_.status == 101) return false;
    in_.consume(outcome_of_head.consumed);
    searched = 0;
  }
  return true;
}

bool Http1Connection::unread(std::size_t bytes) const {
  return reused() && net::unacknowledged(stream_->fd(), bytes);
}

std::string Http1Connection::alert() const {
  return stream_->secured() ? net::tls_alert() : std::string();
}

Task<UpstreamConnection::HeadRead> Http1Connection::read_head(std::string_view method,
                                                              Clock::time_point deadline) {
  std::size_t searched = 0;
  for (;;) {
    const auto outcome_of_head =
        wire::parse_response_head(in_.view(), searched, method, head_limits, pool_->head_);
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
  return request_whole_ && keep_alive_ && body_.done() && !stream_->peer_gone();
}

void Http1Connection::hung_up() {
  pool_->drop(this);
}

}  // namespace hawser::http
