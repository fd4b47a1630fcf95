// The whole way of one HTTP exchange. Read this first.
#include <algorithm>

#include "dialect/error_body.hpp"
#include "front/http/session.hpp"

namespace hawser::front::http {

using exchange::Exchange;
using generation::AnswerHead;
using net::IoStatus;
using wire::Framing;

namespace {

bool is_json(const wire::RequestHead& head, dialect::Api api) {
  if (const auto* type = head.find("content-type")) {
    const auto value = type->value.substr(0, type->value.find(';'));
    return value.find("json") != std::string_view::npos && value != "application/jsonl";
  }
  return api != dialect::Api::other;
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void append_retry_advice(const Error& error, std::string& out) {
  // The SDKs obey waits of up to a minute; beyond that they would hammer, so they are told to stop.
  const bool too_long = error.retry_after && *error.retry_after > 60s;
  if (error.retry_after) {
    const auto wait = std::min<milliseconds>(*error.retry_after, 60s);
    append_field(out, "Retry-After",
                 std::to_string(std::chrono::ceil<std::chrono::seconds>(wait).count()));
    append_field(out, "retry-after-ms", std::to_string(wait.count()));
  }
  if (too_long || !error.client_may_retry) append_field(out, "x-should-retry", "false");
}

}  // namespace

/// @return whether the connection may serve another request
Task<bool> Session::serve() {
  body_.begin(head_.framing, head_.content_length);
  continue_owed_ = head_.expect_continue;
  if (asks_for_upgrade()) co_return co_await upgrade();
  if (!dialect::endpoint_of(head_.method, head_.path).known) co_return co_await answer_ourselves();

  net::Cancellation cancellation;
  const auto pipeline = services_.pipeline;  // a reload may swap it while we wait
  Exchange exchange(cancellation);
  describe(exchange);
  exchange_ = &exchange;
  stream_->watch_hangup(this);

  auto answer = co_await pipeline->run(exchange);  // stages: observe ... attempt

  const bool goes_on = answer ? co_await relay(exchange, std::move(*answer))
                              : co_await refuse(exchange, answer.error());
  stream_->watch_hangup(nullptr);
  exchange_ = nullptr;
  endpoint_tail_ = nullptr;
  exchange.trail.bytes_in = std::max<std::uint64_t>(body_.bytes(), exchange.request.body.size());
  co_return goes_on;
}

/// Bytes of the request to an Exchange.
void Session::describe(Exchange& exchange) {
  const auto* id = head_.find("x-request-id");
  id_ = id != nullptr && valid_request_id(id->value) ? id->value : services_.ids.next();
  method_ = head_.method;
  path_ = head_.path;
  exchange.id = id_;
  exchange.method = method_;
  exchange.path = path_;
  exchange.arrived = arrived_;
  auto& request = exchange.request;
  request.head = &head_;
  request.endpoint = dialect::endpoint_of(head_.method, head_.path);
  request.client_address = client_address_;
  if (!client_names_.empty()) request.client_names = &client_names_;
  request.framing = head_.framing;
  request.content_length = head_.content_length;
  request.json = is_json(head_, request.endpoint.api);
  request.source = this;
  endpoint_tail_ = &request.endpoint.tail;
}

/// What we say of an exchange in the head of its answer.
void Session::append_own_fields(const Exchange& exchange, std::string& out) {
  append_field(out, "x-request-id", exchange.id);
  append_field(out, "request-id", exchange.id);
  if (exchange.answer_fields) out.append(*exchange.answer_fields);
  const auto& trail = exchange.trail;
  if (trail.target == nullptr) return;
  append_field(out, "x-hawser-target", trail.target->name);
  append_field(out, "x-hawser-attempts", std::to_string(trail.attempts));
  const auto now = trail.first_content ? *trail.first_content : Clock::now();
  const auto own = now - exchange.arrived - trail.upstream;
  append_field(out, "x-hawser-overhead-us",
               std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(own).count()));
}

// Not a coroutine: a silent stream would hold one more.
Task<bool> Session::relay(Exchange& exchange, generation::GenerationPtr answer) {
  if (answer->reader() != nullptr) return relay_events(exchange, std::move(answer));
  return relay_content(exchange, std::move(answer));
}

/// The answer to the client as its provider sends it. Pulled piece by piece, so a
/// client that reads slowly slows its provider and nothing piles up here.
Task<bool> Session::relay_content(Exchange& exchange, generation::GenerationPtr answer) {
  AnswerHead& head = answer->head();
  auto piece = co_await answer->content().next();
  exchange.trail.first_content = Clock::now();
  if (!piece && piece.error().code != Code::cancelled && !head.event_stream) {
    co_return co_await refuse(exchange, piece.error());  // nothing is out yet
  }
  const bool head_only = head_.method == "HEAD";
  const bool body_unread = !body_consumed(exchange);
  const bool keep_alive = head_.keep_alive && !services_.draining && !body_unread;
  const int minor_version = head_.minor_version;
  append_own_fields(exchange, head.fields);
  ResponseWriter writer(*stream_, limits_.write_timeout);
  writer.begin({.head = head,
                .minor_version = minor_version,
                .keep_alive = keep_alive,
                .head_only = head_only});
  exchange.trail.status = head.status;
  const bool streams = piece && !piece->last;
  if (streams) release_request(false);
  if (streams) services_.shard.add(services_.metrics.streams);
  bool goes_on = true;
  for (;;) {
    if (!piece) {
      goes_on = co_await break_off(exchange, writer, head, piece.error());
      break;
    }
    if (services_.reactor.busy() && co_await stream_->wait_turn() != IoStatus::ok) {
      exchange.trail.error = Code::cancelled;
      goes_on = false;
      break;
    }
    if (!co_await writer.write(piece->bytes, piece->last)) {
      exchange.trail.error = Code::cancelled;
      goes_on = false;
      break;
    }
    if (piece->last) break;
    if (stream_->peer_gone()) {  // between two waits: nobody was there to be told
      exchange.trail.error = Code::cancelled;
      goes_on = false;
      break;
    }
    if (!head.fields.empty())
      std::string().swap(head.fields);  // it is out: a stream keeps none of it
    piece = co_await answer->content().next();
  }
  if (streams) services_.shard.add(services_.metrics.streams, -1);
  exchange.trail.bytes_out = writer.bytes();
  exchange.trail.usage = answer->content().usage();
  if (!streams) release_request(true);
  if (goes_on && body_unread) co_await linger();
  co_return goes_on&& writer.keep_alive();
}

/// The provider failed in the middle: say so in the client's dialect, for a stream that just ends
/// would be taken for a whole answer. Where no such word exists, the cut itself must tell.
Task<bool> Session::break_off(Exchange& exchange, ResponseWriter& writer, const AnswerHead& head,
                              const Error& error) {
  exchange.trail.error = error.code;
  if (stream_->peer_gone()) co_return false;
  if (!head.event_stream) {
    stream_->reset_on_close();
    co_return false;
  }
  const auto& endpoint = exchange.request.endpoint;
  const std::string event =
      dialect::error_event(endpoint.dialect, endpoint.api, error, exchange.id);
  co_return co_await writer.write(event, true);
}

/// An answer of our own in place of the provider's.
Task<bool> Session::refuse(Exchange& exchange, const Error& error) {
  exchange.trail.error = error.code;
  if (stream_->peer_gone()) co_return false;
  const std::string body =
      dialect::error_body(exchange.request.endpoint.dialect, error, exchange.id);
  AnswerHead head;
  head.status = dialect::status_of(error);
  head.length = body.size();
  head.fields = "Content-Type: application/json\r\n";
  append_field(head.fields, "x-hawser-error", name_of(error.code));
  append_retry_advice(error, head.fields);
  exchange.trail.status = head.status;

  append_own_fields(exchange, head.fields);
  const bool drained = co_await skip_rest_of_body() == Rest::none;
  const bool keep_alive = head_.keep_alive && !services_.draining && drained;
  ResponseWriter writer(*stream_, limits_.write_timeout);
  writer.begin({.head = head,
                .minor_version = head_.minor_version,
                .keep_alive = keep_alive,
                .head_only = head_.method == "HEAD"});
  const bool written = co_await writer.write(body, true);
  exchange.trail.bytes_out = writer.bytes();
  release_request(true);
  if (written && !keep_alive) co_await linger();
  co_return written&& writer.keep_alive();
}

/// Paths that are not an API's: a word on what this is, and 404.
Task<bool> Session::answer_ourselves() {
  const std::string id(services_.ids.next());
  const Rest rest = co_await skip_rest_of_body();
  AnswerHead head;
  std::string body;
  const bool root = head_.path == "/" && head_.target.find('?') == std::string_view::npos;
  if (rest == Rest::none && (root || head_.path == "*")) {
    body = R"({"name":"hawser","object":"gateway","api":"/v1"})";
    if (head_.method == "OPTIONS") head.fields = "Allow: GET, HEAD, POST, OPTIONS\r\n";
  } else {
    Error error{.code = Code::not_found, .message = "Unknown path: the API lives under /v1/."};
    if (rest != Rest::none) {
      error = {.code = Code::invalid_request,
               .message = "The request body is malformed, incomplete or does not belong here."};
    }
    head.status = dialect::status_of(error);
    body = dialect::error_body(dialect::Dialect::openai, error, id);
    services_.shard.add(services_.metrics.errors[static_cast<std::size_t>(error.code)]);
  }
  services_.shard.add(services_.metrics.requests(head.status));
  head.length = body.size();
  append_field(head.fields, "Content-Type", "application/json");
  append_field(head.fields, "x-request-id", id);
  append_field(head.fields, "request-id", id);
  ResponseWriter writer(*stream_, limits_.write_timeout);
  writer.begin({.head = head,
                .minor_version = head_.minor_version,
                .keep_alive = head_.keep_alive && rest == Rest::none && !services_.draining,
                .head_only = head_.method == "HEAD"});
  const bool written = co_await writer.write(body, true);
  release_request(true);
  if (written && rest != Rest::none) co_await linger();
  co_return written&& writer.keep_alive();
}

/// Whether nothing of the request's body is left on the connection.
bool Session::body_consumed(const Exchange& exchange) const {
  return body_.done() || !exchange.request.body.empty();
}

/// Reads and drops what is left of a small body, so that the connection can go on.
Task<Session::Rest> Session::skip_rest_of_body() {
  constexpr std::uint64_t skipped_max = 64 * 1024;
  if (body_.done()) co_return Rest::none;
  if (continue_owed_) co_return Rest::left;  // the client waits for a word before it sends
  if (head_.framing == Framing::length && head_.content_length > skipped_max) co_return Rest::left;
  const auto deadline = Clock::now() + 2s;
  while (!body_.done()) {
    if (head_size_ > 0) detach_head();
    if (body_.bytes() > skipped_max) co_return Rest::left;
    auto piece = co_await body_.next(deadline);
    if (!piece) co_return piece.error().code == Code::connection ? Rest::left : Rest::malformed;
  }
  co_return Rest::none;
}

/// Lets go of the request's bytes: an open stream holds none of them, and no memory for them.
void Session::release_request(bool keep_memory) {
  body_.release();
  if (head_size_ > 0) {
    // The body was read in place, behind its head.
    const bool in_place = !body_.done();
    in_.consume(std::exchange(head_size_, 0));
    if (in_place) in_.consume(head_.content_length);
  }
  in_.release_if_empty();
  std::string().swap(whole_body_);
  std::string().swap(kept_head_);
  if (!keep_memory) std::vector<wire::Field>().swap(head_.fields);
}

}  // namespace hawser::front::http
