#include "front/http/session.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "dialect/error_body.hpp"
#include "front/http/early_answer.hpp"
#include "front/http/http2.hpp"
#include "net/tls_server.hpp"

namespace hawser::front::http {

using net::IoStatus;

namespace {

constexpr auto last_call = 1s;  // to ask something, while the process ends

/// Has the kernel ask whether the other side still knows the connection. One that closed it forgets
/// it after about a minute (tcp_fin_timeout) and answers with a reset then; one that only shut down
/// its sending side is not disturbed. Nothing else can be asked in the middle of an answer that is
/// in one piece.
void ask_by_keepalive(int fd) {
  const int on = 1, idle_s = 10, interval_s = 10;
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
}

}  // namespace

Session::Session(Services& services, std::unique_ptr<net::Stream> stream,
                 const std::string& client_address, std::uint32_t listener, bool http2_only)
    : Serving(services, client_address, listener),
      stream_(std::move(stream)),
      in_(services.blocks),
      body_(*stream_, in_),
      http2_only_(http2_only) {}

Task<> Session::run() {
  const bool shaken = co_await shake_hands();
  if (!shaken) co_return;
  bool http2 = http2_only_ || (stream_->secured() && net::chose_http2(stream_->ssl()));
  while (!http2) {
    const HeadRead head = co_await read_head();
    http2 = head == HeadRead::http2;
    if (head != HeadRead::complete) break;
    served_ = true;
    const bool goes_on = co_await serve_one();
    if (!goes_on || services_.draining) break;
  }
  if (http2) co_await serve_http2();
  stream_->goodbye();
}

/// Those of TLS, where there is any.
Task<bool> Session::shake_hands() {
  if (!stream_->secured()) co_return true;
  IoStatus shaken = co_await stream_->handshake(services_.reactor.now() + limits_.tls_timeout);
  if (shaken == IoStatus::cancelled && services_.draining && !std::exchange(last_call_, true)) {
    shaken = co_await stream_->handshake(services_.reactor.now() + last_call);
  }
  if (shaken != IoStatus::ok) co_return false;
  client_names_ = net::client_names(stream_->ssl());
  co_return true;
}

Task<bool> Session::serve_one() {
  body_.begin(head_.framing, head_.content_length);
  writer_.reset();
  announced_ = 0;
  continue_owed_ = head_.expect_continue;
  if (asks_for_upgrade()) return upgrade();
  return serve();
}

/// The connection is one of HTTP/2 from here on.
Task<> Session::serve_http2() {
  const Opened opened{*stream_, in_, client_address_, client_names_, listener_};
  upgraded_ = std::make_unique<Http2>(services_, opened);
  if (services_.draining) upgraded_->drain();
  co_await upgraded_->run();
  upgraded_.reset();
}

/// Prior knowledge (RFC 9113, 3.3): what no request of HTTP/1.1 begins with.
bool Session::begins_http2() const {
  constexpr std::string_view preface = "PRI * HTTP/2.0\r\n";
  return !served_ && services_.http2.enabled && in_.view().starts_with(preface);
}

void Session::begin_answer(const Begin& begin) {
  web().append_cors(head_, begin.head.fields);
  writer_.emplace(*stream_, limits_.write_timeout);
  writer_->begin({.head = begin.head,
                  .minor_version = head_.minor_version,
                  .keep_alive = begin.keep_alive,
                  .head_only = begin.head_only,
                  .announced = announced_});
}

// --- a client that says no more

/// The end of its input came, and no reset: it may still read (RFC 9112, 9.6).
bool Session::only_input_ended() const {
  pollfd state{.fd = stream_->fd(), .events = POLLRDHUP, .revents = 0};
  if (::poll(&state, 1, 0) <= 0) return false;
  return (state.revents & (POLLERR | POLLHUP | POLLNVAL)) == 0;
}

/// An end of input behind a whole request is no hang-up: some clients shut down their side and
/// read. Those that closed look the same, until something is sent to them.
void Session::hung_up() {
  if (!only_input_ended()) return Serving::hung_up();
  watch_hangup(this);
  ask_by_keepalive(stream_->fd());
  ask_whether_it_reads();
}

/// Sends what comes first in any answer, or says nothing between two events: a client that is gone
/// answers with a reset, which is a hang-up.
void Session::ask_whether_it_reads() {
  if (!stream_->flushed()) return;
  if (writer_) {
    if (!writer_->probe(between_events_)) stream_->reset_on_close();
    return;
  }
  const std::string_view rest = ResponseWriter::first_bytes.substr(announced_);
  const net::IoResult sent = stream_->try_write({&rest, 1});
  if (sent.status == IoStatus::ok) announced_ += sent.bytes;
}

Task<bool> Session::write(std::string_view bytes, bool last) {
  return writer_->write(bytes, last);
}

Task<Session::HeadRead> Session::read_head() {
  std::size_t searched = 0;
  const wire::HeadLimits limits{limits_.head_max.count(), limits_.target_max.count(),
                                limits_.fields_max};
  auto deadline = services_.reactor.now() + limits_.idle_timeout;
  bool begun = false;
  for (;;) {
    if (!in_.empty()) {
      if (!std::exchange(begun, true)) deadline = services_.reactor.now() + limits_.head_timeout;
      if (begins_http2()) co_return HeadRead::http2;
      const auto outcome = wire::parse_request_head(in_.view(), searched, limits, head_);
      if (outcome.state == wire::HeadOutcome::State::malformed) {
        co_await refuse_head(outcome);
        co_return HeadRead::answered;
      }
      if (outcome.state == wire::HeadOutcome::State::complete) {
        head_size_ = outcome.consumed;
        arrived_ = Clock::now();
        co_return HeadRead::complete;
      }
      if (in_.full()) in_.grow();
    }
    if (!begun && served_ && services_.draining) co_return HeadRead::ended;
    const IoStatus status = co_await await_input(deadline, begun);
    if (status == IoStatus::timeout && begun) {
      const wire::HeadOutcome late{wire::HeadOutcome::State::malformed, 0, 400,
                                   "the headers took too long"};
      co_await refuse_head(late);
      co_return HeadRead::answered;
    }
    if (status != IoStatus::ok) co_return HeadRead::ended;
  }
}

/// Reads what comes next. Who never asked anything gets a moment to begin once the process is to
/// end: its first request may be on its way, but it must not hold the end back.
Task<IoStatus> Session::await_input(Clock::time_point deadline, bool begun) {
  if (!begun && services_.draining) {
    deadline = std::min<Clock::time_point>(deadline, services_.reactor.now() + last_call);
    last_call_ = true;
  }
  idle_ = !begun && served_;
  IoStatus status = co_await stream_->read(in_, deadline);
  idle_ = false;
  const bool drains = status == IoStatus::cancelled && services_.draining;
  if (drains && !served_ && !std::exchange(last_call_, true)) {
    // What had begun keeps its own deadline.
    const auto by = services_.reactor.now() + last_call;
    status = co_await stream_->read(in_, begun ? deadline : by);
  }
  co_return status;
}

/// What is not HTTP gets a plain answer and the connection ends: nothing behind it can be trusted.
Task<> Session::refuse_head(const wire::HeadOutcome& outcome) {
  Error error{.code = Code::invalid_request, .message = std::string(outcome.problem)};
  error.status = outcome.status;
  const std::string id(services_.ids.next());
  const std::string body = dialect::error_body(dialect::Dialect::openai, error, id);
  generation::AnswerHead head;
  head.status = outcome.status;
  head.length = body.size();
  head.fields =
      "Content-Type: application/json\r\nx-request-id: " + id + "\r\nrequest-id: " + id + "\r\n";
  ResponseWriter writer(*stream_, limits_.write_timeout);
  writer.begin({.head = head, .keep_alive = false});
  note_early(services_, {.id = id,
                         .client = client_address_,
                         .status = outcome.status,
                         .error = Code::invalid_request,
                         .arrived = Clock::now(),
                         .bytes_out = body.size()});
  if (co_await writer.write(body, true)) co_await linger();
}

/// Closes without cutting off our own last words: a close with unread input is a reset, which may
/// overtake them, and a client that still sends its body would see only the reset.
/// @param silence_max  a client that sends nothing for so long is through
Task<> Session::linger_for(milliseconds silence_max) {
  stream_->goodbye();
  ::shutdown(stream_->fd(), SHUT_WR);
  const auto end = Clock::now() + limits_.lingering_time;
  net::Waiter pause(services_.reactor);
  IoStatus status = IoStatus::ok;
  for (int reads = 1; status == IoStatus::ok; ++reads) {
    in_.consume(in_.size());
    // A client that sends faster than we drop must not keep the worker from the others.
    if (reads % 64 == 0) status = co_await pause.wait(services_.reactor.now() + 1ms);
    if (status == IoStatus::cancelled) break;
    const auto deadline = std::min<Clock::time_point>(end, services_.reactor.now() + silence_max);
    status = co_await stream_->read(in_, deadline);
  }
}

}  // namespace hawser::front::http
