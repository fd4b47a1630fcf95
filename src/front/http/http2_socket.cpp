// WebSockets over HTTP/2 (RFC 8441).
#include <fcntl.h>
#include <sys/socket.h>

#include "dialect/error_body.hpp"
#include "front/http/early_answer.hpp"
#include "front/http/http2.hpp"

namespace hawser::front::http {

using net::IoStatus;

namespace {

constexpr std::size_t out_max = 64 * 1024;
// WebSockets of one connection whose client has shown no key yet: each has two descriptors.
constexpr std::size_t unproven_max = 4;

/// Answers to a handshake of HTTP/1.1 that have no place in one of HTTP/2.
bool of_handshake(std::string_view name) {
  return wire::same_token(name, "sec-websocket-accept");
}

}  // namespace

Http2Socket::Http2Socket(Http2& connection, std::int32_t stream, const h2::RequestHead& head)
    : connection_(connection),
      services_(connection.services_),
      server_(&connection.server_),
      stream_(stream),
      news_(services_.reactor) {
  // As the handshake of HTTP/1.1 has it, with a key that nobody looks at.
  head_text_ = "GET " + head.path + " HTTP/1.1\r\nhost: " + head.authority +
               "\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
  for (const auto& field : head.fields) {
    if (field.name == "sec-websocket-key" || field.name == "host") continue;
    head_text_.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  head_text_.append("\r\n");
}

Result<> Http2Socket::open_pair() {
  if (connection_.unproven_sockets() >= unproven_max) {
    return Error{.code = Code::rate_limit,
                 .message = "Too many WebSockets of this connection wait for their hello."};
  }
  place_ = services_.take_place(connection_.opened_.client_address);
  if (!place_) {
    return Error{.code = Code::overloaded,
                 .message =
                     "There are too many connections (limits.connections_max, "
                     "limits.connections_per_address_max)."};
  }
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
    return Error{.code = Code::overloaded, .message = "There are no sockets left."};
  }
  theirs_ = std::make_unique<net::Stream>(services_.reactor, ends[0]);
  their_in_ = std::make_unique<net::InBuffer>(services_.blocks);
  ours_ = std::make_unique<net::Stream>(services_.reactor, ends[1]);
  return {};
}

Task<> Http2Socket::run() {
  struct Listed {
    std::vector<const Http2Socket*>& list;
    const Http2Socket* socket;
    ~Listed() { std::erase(list, socket); }
  };
  connection_.sockets_.push_back(this);
  const Listed listed{connection_.sockets_, this};
  std::size_t searched = 0;
  const wire::HeadLimits limits{head_text_.size() + 1, services_.limits.target_max.count(),
                                services_.limits.fields_max + 4u};
  const auto outcome = wire::parse_request_head(head_text_, searched, limits, head_);
  if (outcome.state != wire::HeadOutcome::State::complete ||
      outcome.consumed != head_text_.size()) {
    Error error{.code = Code::invalid_request, .message = "The WebSocket handshake is malformed."};
    error.status = outcome.status;
    co_return co_await refuse(error, {});
  }
  // Judged first: who is refused costs no descriptor.
  const Opened& of = connection_.opened_;
  if (const auto refused = services_.web[of.listener]->refusal(head_, !of.client_names.empty())) {
    co_return co_await refuse(*refused, {});
  }
  std::string fields;
  const auto admitted = services_.upgrade({head_, of.client_address, of.client_names}, fields);
  if (!admitted) co_return co_await refuse(admitted.error(), fields);
  if (const auto opened = open_pair(); !opened) co_return co_await refuse(opened.error(), {});
  front_ = (*admitted)->open(*theirs_, *their_in_);
  if (server_ == nullptr) co_return;
  services_.shard.add(services_.metrics.requests(101));
  auto answer = fields_of(fields);
  std::erase_if(answer, [](const h2::Field& field) { return of_handshake(field.name); });
  server_->respond(stream_, 200, answer, false);
  head_ = {};
  std::string().swap(head_text_);
  co_await serve();
}

Task<> Http2Socket::refuse(const Error& error, std::string_view fields) {
  const std::string id(services_.ids.next());
  out_ = dialect::error_body(dialect::Dialect::openai, error, id);
  out_ended_ = true;
  const int status = dialect::status_of(error);
  note_early(services_, {.id = id,
                         .client = connection_.opened_.client_address,
                         .method = head_.method,
                         .path = head_.path,
                         .status = status,
                         .error = error.code,
                         .arrived = Clock::now(),
                         .bytes_out = out_.size()});
  auto answer = fields_of(fields);
  answer.push_back({"content-type", "application/json"});
  answer.push_back({"x-request-id", id});
  answer.push_back({"request-id", id});
  if (server_ != nullptr) server_->respond(stream_, status, answer, false);
  co_await finish();
}

/// Until the client has all, or takes none of it for too long.
Task<> Http2Socket::finish() {
  while (server_ != nullptr) {
    const auto by = services_.reactor.now() + services_.limits.write_timeout;
    if (co_await news_.wait(by) != IoStatus::timeout) continue;
    if (server_ != nullptr) server_->reset(stream_, NGHTTP2_CANCEL);
    break;
  }
}

/// The front on its end, and what passes bytes on between the other end and the stream.
Task<> Http2Socket::serve() {
  if (services_.draining) front_->drain();
  bool pumped = false;
  net::Waiter done(services_.reactor);
  struct Pump {
    static Detached run(Http2Socket& socket, bool& over, net::Waiter& waiter) {
      co_await socket.pump();
      over = true;
      waiter.complete(IoStatus::ok);
    }
  };
  Pump::run(*this, pumped, done);
  co_await front_->run();
  front_.reset();
  front_over_ = true;
  theirs_.reset();  // the other end reads what is left, then its end
  ours_->waiter().complete(IoStatus::ok);
  while (!pumped) co_await done.wait(Clock::time_point::max());
  ours_.reset();
  their_in_.reset();
  place_.reset();
  if (server_ != nullptr) server_->resume(stream_);
  co_await finish();
}

Task<> Http2Socket::pump() {
  for (;;) {
    const bool moved_in = pass_in();
    const bool moved_out = take_out();
    if (out_ended_) break;
    if (moved_in || moved_out) continue;
    if (server_ == nullptr && !front_over_) {
      ::shutdown(ours_->fd(), SHUT_RDWR);  // the client is gone: so is the front's
    }
    co_await ours_->wait(net::Channel::Want::either, Clock::time_point::max());
  }
}

/// From the client to the front. @return whether something moved
bool Http2Socket::pass_in() {
  if (in_.empty()) {
    if (in_ended_ && !front_over_) ::shutdown(ours_->fd(), SHUT_WR);
    return false;
  }
  const std::string_view part = in_;
  const auto sent = ours_->try_write({&part, 1});
  if (sent.status != IoStatus::ok || sent.bytes == 0) {
    if (sent.status != IoStatus::would_block && sent.status != IoStatus::ok) in_.clear();
    return false;
  }
  in_.erase(0, sent.bytes);
  if (server_ != nullptr) server_->consumed(stream_, sent.bytes);
  return true;
}

/// From the front to the client. @return whether something moved
bool Http2Socket::take_out() {
  if (server_ == nullptr) out_.clear();  // nobody takes it: else the front's end is never read
  if (out_.size() >= out_max) return false;
  char bytes[16 * 1024];
  const auto read = ours_->try_read(bytes);
  if (read.status == IoStatus::would_block) return false;
  if (read.status != IoStatus::ok || read.bytes == 0) {
    out_ended_ = true;
  } else if (server_ != nullptr) {
    out_.append(bytes, read.bytes);
  }
  if (server_ != nullptr) server_->resume(stream_);
  return true;
}

void Http2Socket::input(std::string_view bytes) {
  in_.append(bytes);
  if (ours_) ours_->waiter().complete(IoStatus::ok);
}

void Http2Socket::input_end() {
  in_ended_ = true;
  if (ours_) ours_->waiter().complete(IoStatus::ok);
}

h2::Handler::Output Http2Socket::output(std::span<char> to) {
  const std::size_t size = std::min(to.size(), out_.size());
  std::copy_n(out_.data(), size, to.data());
  const bool was_full = out_.size() >= out_max;
  out_.erase(0, size);
  if (was_full && ours_) ours_->waiter().complete(IoStatus::ok);
  return {size, out_ended_ && out_.empty(), {}};
}

void Http2Socket::over(h2::Over) {
  server_ = nullptr;
  if (ours_) ours_->waiter().complete(IoStatus::ok);
  news_.complete(IoStatus::ok);
}

}  // namespace hawser::front::http
