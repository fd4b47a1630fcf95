#include <algorithm>

#include "dialect/error_body.hpp"
#include "front/http/early_answer.hpp"
#include "front/http/http2.hpp"
#include "net/tls_server.hpp"

namespace hawser::front::http {

using net::IoStatus;
using net::Piece;

namespace {

constexpr std::size_t out_high = 64 * 1024;  // of an answer, that its client has not taken
constexpr std::size_t out_low = 16 * 1024;

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::vector<h2::Field> fields_of(std::string_view text) {
  std::vector<h2::Field> fields;
  while (!text.empty()) {
    const auto end = std::min(text.find("\r\n"), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 2, text.size()));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || wire::hop_by_hop(line.substr(0, colon))) continue;
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    h2::Field field{std::string(line.substr(0, colon)), std::string(value)};
    for (char& c : field.name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    fields.push_back(std::move(field));
  }
  return fields;
}

Http2Stream::Http2Stream(Http2& connection, std::int32_t stream, const h2::RequestHead& head)
    : Serving(connection.services_, connection.opened_.client_address, connection.opened_.listener),
      server_(&connection.server_),
      socket_(connection.opened_.stream),
      connection_bytes_(connection.bytes_),
      stream_(stream),
      in_ended_(head.ends),
      more_in_(services_.reactor),
      room_(services_.reactor) {
  client_names_ = connection.opened_.client_names;
  arrived_ = Clock::now();
  head_outcome_ = take_head(head);
}

/// As HTTP/1.1 has it, read by the same parser: every rule there is holds here too, and what goes
/// on to a provider of HTTP/1.1 can be no other message there.
wire::HeadOutcome Http2Stream::take_head(const h2::RequestHead& head) {
  using State = wire::HeadOutcome::State;
  if (head.large) return {State::malformed, 0, 431, "the headers are too large"};
  if (head.method == "CONNECT") return {State::malformed, 0, 501, "CONNECT is not served"};
  head_text_.append(head.method).append(" ").append(head.path).append(" HTTP/1.1\r\n");
  bool length = false, host = false;
  for (const auto& field : head.fields) {
    if (field.name == "host" && !head.authority.empty()) continue;  // says the same, or lies
    append_field(head_text_, field.name, field.value);
    length = length || field.name == "content-length";
    host = host || field.name == "host";
  }
  if (!host) append_field(head_text_, "host", head.authority);
  if (!length && !head.ends) append_field(head_text_, "transfer-encoding", "chunked");
  head_text_.append("\r\n");
  std::size_t searched = 0;
  const wire::HeadLimits limits{head_text_.size() + 1, limits_.target_max.count(),
                                limits_.fields_max + 2u};
  auto outcome = wire::parse_request_head(head_text_, searched, limits, head_);
  // A line end within a field would be another head's end.
  if (outcome.state != State::malformed && outcome.consumed != head_text_.size()) {
    return {State::malformed, 0, 400, "the headers are malformed"};
  }
  if (head.ends && head_.framing == wire::Framing::length && head_.content_length > 0) {
    return {State::malformed, 0, 400, "the body is shorter than its content-length"};
  }
  const auto* announced = head_.find("x-hawser-resumable");
  resumable_ = announced != nullptr && announced->value == "1";
  return outcome;
}

Task<> Http2Stream::run() {
  if (head_outcome_.state == wire::HeadOutcome::State::complete) {
    co_await serve();
  } else {
    co_await refuse_head(head_outcome_);
  }
  co_await finish();
}

Task<> Http2Stream::refuse_head(const wire::HeadOutcome& outcome) {
  Error error{.code = Code::invalid_request, .message = std::string(outcome.problem)};
  error.status = outcome.status;
  const std::string id(services_.ids.next());
  const std::string body = dialect::error_body(dialect::Dialect::openai, error, id);
  generation::AnswerHead head;
  head.status = outcome.status;
  head.length = body.size();
  append_field(head.fields, "content-type", "application/json");
  append_field(head.fields, "x-request-id", id);
  append_field(head.fields, "request-id", id);
  begin_answer({.head = head});
  note_early(services_, {.id = id,
                         .client = client_address_,
                         .status = outcome.status,
                         .error = Code::invalid_request,
                         .arrived = arrived_,
                         .bytes_out = body.size()});
  co_await write(body, true);
}

/// Until the client has all of the answer, or takes none of it for too long.
Task<> Http2Stream::finish() {
  if (server_ != nullptr && !out_ended_ && answer_ == nullptr) {
    server_->reset(stream_, NGHTTP2_INTERNAL_ERROR);  // an answer that was cut
  }
  while (server_ != nullptr) {
    const std::size_t left = out_.size() - out_at_;
    const auto waited = co_await room_.wait(services_.reactor.now() + limits_.write_timeout);
    const bool stuck = waited == IoStatus::timeout && left == out_.size() - out_at_;
    if (stuck && server_ != nullptr) server_->reset(stream_, NGHTTP2_CANCEL);
    if (stuck) break;
  }
}

// --- the answer

void Http2Stream::begin_answer(const Begin& begin) {
  if (head_outcome_.state == wire::HeadOutcome::State::complete) {
    web().append_cors(head_, begin.head.fields);
  }
  answer_ = &begin.head;
  bodiless_ = begin.head.bodiless || begin.head_only;
}

void Http2Stream::send_head(bool ends) {
  generation::AnswerHead& head = *std::exchange(answer_, nullptr);
  if (socket_.secured()) head.fields.append(net::hsts_field(socket_.ssl()));
  auto fields = fields_of(head.fields);
  if (head.length && head.status != 204) {
    fields.push_back({"content-length", std::to_string(*head.length)});
  }
  server_->respond(stream_, head.status, fields, ends);
}

// Not a coroutine: nearly always there is room.
Task<bool> Http2Stream::write(std::string_view bytes, bool last) {
  if (bytes.size() > out_high) return write_long(bytes, last);
  return write_part(bytes, last);
}

/// What is taken into our memory is what its client makes room for, however much there is.
Task<bool> Http2Stream::write_long(std::string_view bytes, bool last) {
  bool written = true;
  while (written && !bytes.empty()) {
    const std::string_view part = bytes.substr(0, out_high);
    bytes.remove_prefix(part.size());
    written = co_await write_part(part, last && bytes.empty());
  }
  co_return written;
}

Task<bool> Http2Stream::write_part(std::string_view bytes, bool last) {
  if (server_ == nullptr) return false;
  if (bodiless_) bytes = {};
  out_.append(bytes);
  out_ended_ = last;
  bytes_out_ += bytes.size();
  if (answer_ != nullptr) {
    send_head(last && out_.empty());
  } else {
    server_->resume(stream_);
  }
  if (out_.size() - out_at_ <= out_high || last) return server_ != nullptr;
  return wait_for_room();
}

Task<bool> Http2Stream::wait_for_room() {
  lagged_ = true;
  while (server_ != nullptr && out_.size() - out_at_ > out_low) {
    const auto waited = co_await room_.wait(services_.reactor.now() + limits_.write_timeout);
    if (waited != IoStatus::ok) co_return false;
  }
  co_return server_ != nullptr;
}

h2::Handler::Output Http2Stream::output(std::span<char> to) {
  const std::size_t size = std::min(to.size(), out_.size() - out_at_);
  std::copy_n(out_.data() + out_at_, size, to.data());
  out_at_ += size;
  if (out_at_ == out_.size()) {
    out_.clear();
    out_at_ = 0;
    if (out_.capacity() > 4096) std::string().swap(out_);  // silence holds no memory
  }
  Output output{size, out_ended_ && out_.empty(), {}};
  if (!output.ends && out_.size() - out_at_ <= out_low) room_.complete(IoStatus::ok);
  return output;
}

void Http2Stream::cut() {
  if (server_ != nullptr) server_->reset(stream_, NGHTTP2_INTERNAL_ERROR);
}

// --- the request

void Http2Stream::input(std::string_view bytes) {
  in_.append(bytes);
  more_in_.complete(IoStatus::ok);
}

void Http2Stream::input_end() {
  in_ended_ = true;
  more_in_.complete(IoStatus::ok);
}

Task<Result<Piece>> Http2Stream::next() {
  if (server_ != nullptr) server_->consumed(stream_, piece_.size());
  piece_.clear();
  while (in_.empty() && !in_ended_ && server_ != nullptr) {
    const auto waited = co_await more_in_.wait(services_.reactor.now() + limits_.body_timeout);
    if (waited == IoStatus::timeout) {
      co_return Error{.code = Code::invalid_request,
                      .message = "The request body did not arrive in time.",
                      .status = 400};
    }
  }
  if (server_ == nullptr && !in_ended_) {
    co_return Error{.code = Code::cancelled, .message = "the client is gone"};
  }
  piece_.swap(in_);
  body_bytes_ += piece_.size();
  if (body_max_ > 0 && body_bytes_ > body_max_) co_return too_large(body_max_);
  co_return Piece{.bytes = piece_, .last = in_ended_ && in_.empty()};
}

// Not a coroutine: nearly always all of it is there.
Task<Serving::Rest> Http2Stream::skip_rest_of_body() {
  if (server_ == nullptr || in_ended_) return Rest::none;
  return drop_body();
}

/// An answer that is whole before its request is ends the stream by a reset, which some clients
/// take for a failure: what is on its way already is waited for.
Task<Serving::Rest> Http2Stream::drop_body() {
  constexpr std::size_t most = 64 * 1024;
  const auto by = services_.reactor.now() + 250ms;
  for (std::size_t dropped = 0; server_ != nullptr && !in_ended_ && dropped < most;) {
    if (in_.empty() && co_await more_in_.wait(by) != IoStatus::ok) break;
    dropped += in_.size();
    if (server_ != nullptr) server_->consumed(stream_, in_.size());
    in_.clear();
  }
  co_return Rest::none;
}

void Http2Stream::release_request(bool) {
  if (server_ != nullptr) server_->consumed(stream_, piece_.size() + in_.size());
  std::string().swap(piece_);
  std::string().swap(in_);
  loaded_.reset();
  std::string().swap(head_text_);
  std::vector<wire::Field>().swap(head_.fields);
}

/// The stream is closed. By the client's RST_STREAM: that is its will, unless it said that it comes
/// back. With the connection: it may come back.
void Http2Stream::over(h2::Over how) {
  server_ = nullptr;
  const bool will = how == h2::Over::cancelled && !resumable_;
  if (will && reader_ != nullptr) reader_->cancel_generation();
  // What is woken here may end the exchange.
  if (will && exchange_ != nullptr) exchange_->cancellation.cancel();
  if (how != h2::Over::done && !will && watch_ != nullptr) {
    std::exchange(watch_, nullptr)->hung_up();
  }
  more_in_.complete(IoStatus::cancelled);
  room_.complete(IoStatus::cancelled);
}

}  // namespace hawser::front::http
