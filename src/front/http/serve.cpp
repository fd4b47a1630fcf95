// The whole way of one HTTP exchange. Read this first.
#include <algorithm>

#include "dialect/answer_format.hpp"
#include "dialect/client_dialect.hpp"
#include "dialect/error_body.hpp"
#include "exchange/identify.hpp"
#include "front/http/early_answer.hpp"
#include "front/http/serving.hpp"

namespace hawser::front::http {

using exchange::Exchange;
using generation::AnswerHead;

namespace {

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
Task<bool> Serving::serve() {
  if (auto refused = foreign_page()) {
    Early early;
    early.error = std::move(*refused);
    return answer_early(std::move(early));
  }
  if (WebAccess::is_preflight(head_)) return answer_preflight();
  if (!dialect::under_api(head_.path)) return answer_ourselves();
  return serve_exchange();
}

Task<bool> Serving::serve_exchange() {
  net::Cancellation cancellation;
  Exchange exchange(cancellation);
  describe(exchange);
  exchange_ = &exchange;
  watch_hangup(this);

  auto answering = co_await answer(exchange);
  const bool goes_on = co_await std::move(answering);
  watch_hangup(nullptr);
  exchange_ = nullptr;
  loaded_.reset();  // it counts at the connection, which may be gone before this stream is
  progress_.reset();
  exchange.trail.bytes_in = std::max<std::uint64_t>(body_bytes(), exchange.request.body.size());
  co_return goes_on;
}

/// Has the stages make the answer. @return the task that writes it: what they needed is gone
/// before, for a stream holds it long
Task<Task<bool>> Serving::answer(Exchange& exchange) {
  // The stages: observe ... attempt.
  auto answer = co_await exchange::Pipeline::run(services_.pipeline, exchange);
  if (answer) co_return relay(exchange, std::move(*answer));
  co_return refuse(exchange, answer.error());
}

/// Bytes of the request to an Exchange.
void Serving::describe(Exchange& exchange) {
  const auto* id = head_.find("x-request-id");
  named_ = id != nullptr && valid_request_id(id->value) ? id->value : services_.ids.next();
  const std::size_t id_size = named_.size();
  named_.append(head_.method).append(head_.path);
  const std::string_view named = named_;
  exchange.id = named.substr(0, id_size);
  exchange.method = named.substr(id_size, head_.method.size());
  exchange.path = named.substr(id_size + head_.method.size());
  exchange.arrived = arrived_;
  auto& request = exchange.request;
  request.head = &head_;
  request.client_address = client_address_;
  if (!client_names_.empty()) request.client_names = &client_names_;
  request.framing = head_.framing;
  request.content_length = head_.content_length;
  request.source = this;
  exchange::identify(request, exchange.method, exchange.path);
  if (request.endpoint.api == dialect::Api::responses) {
    progress_ = std::make_unique<dialect::ResponseProgress>();
  }
}

/// What we say of an exchange in the head of its answer.
void Serving::append_own_fields(const Exchange& exchange, std::string& out) {
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
Task<bool> Serving::relay(Exchange& exchange, generation::GenerationPtr answer) {
  if (answer->reader() != nullptr) return relay_events(exchange, std::move(answer));
  return relay_content(exchange, std::move(answer));
}

/// The answer to the client as its provider sends it. Pulled piece by piece, so a
/// client that reads slowly slows its provider and nothing piles up here.
Task<bool> Serving::relay_content(Exchange& exchange, generation::GenerationPtr answer) {
  AnswerHead& head = answer->head();
  // A subscription opens at once: it may have nothing to say for long.
  const bool opens =
      head.event_stream && !dialect::generates(dialect::format_of(exchange.request.endpoint));
  const net::Piece nothing;
  Result<net::Piece> piece = nothing;
  if (!opens) piece = co_await answer->content().next();
  exchange.trail.first_content = Clock::now();
  if (!piece && piece.error().code != Code::cancelled && !head.event_stream) {
    co_return co_await refuse(exchange, piece.error());  // nothing is out yet
  }
  const bool head_only = head_.method == "HEAD";
  const bool body_unread = !body_consumed(exchange);
  const bool keep_alive = head_.keep_alive && !services_.draining && !body_unread;
  append_own_fields(exchange, head.fields);
  begin_answer({.head = head, .keep_alive = keep_alive, .head_only = head_only});
  exchange.trail.status = head.status;
  const bool streams = piece && !piece->last;
  if (streams) release_request(false);
  if (streams) services_.shard.add(services_.metrics.streams);
  bool goes_on = true;
  for (;;) {
    if (!piece) {
      goes_on = co_await break_off(exchange, head.event_stream, piece.error());
      break;
    }
    net::Channel* const turns = services_.reactor.busy() ? in_turns() : nullptr;
    if (turns != nullptr && co_await turns->wait_turn() != net::IoStatus::ok) {
      exchange.trail.error = Code::cancelled;
      goes_on = false;
      break;
    }
    if (progress_) progress_->see(piece->bytes);
    if (!co_await write(piece->bytes, piece->last)) {
      exchange.trail.error = Code::cancelled;
      goes_on = false;
      break;
    }
    if (piece->last) break;
    if (peer_gone()) {  // between two waits: nobody was there to be told
      exchange.trail.error = Code::cancelled;
      goes_on = false;
      break;
    }
    if (!head.fields.empty())
      std::string().swap(head.fields);  // it is out: a stream keeps none of it
    piece = co_await answer->content().next();
  }
  if (streams) services_.shard.add(services_.metrics.streams, -1);
  exchange.trail.bytes_out = bytes_out();
  exchange.trail.usage.set(answer->content().usage());
  if (!streams) release_request(true);
  if (goes_on && body_unread) co_await linger();
  co_return goes_on&& this->goes_on();
}

/// The provider failed in the middle: say so in the client's dialect, for a stream that just ends
/// would be taken for a whole answer. Where no such word exists, the cut itself must tell.
/// @param api  of a generation that is read by its id: then its errors are those of the API that it
///             was asked of
Task<bool> Serving::break_off(Exchange& exchange, bool event_stream, Error error,
                              dialect::Api api) {
  exchange.trail.error = error.code;
  if (peer_gone()) co_return false;
  if (!event_stream) {
    cut();
    co_return false;
  }
  dialect::Endpoint endpoint = exchange.request.endpoint;
  if (api != dialect::Api::other) endpoint.api = api;
  if (api == dialect::Api::messages) endpoint.dialect = dialect::Dialect::anthropic;
  const std::string event =
      dialect::error_event(endpoint.dialect, endpoint.api, error, exchange.id, progress_.get());
  co_return co_await write(event, true);
}

/// An answer of our own in place of the provider's.
Task<bool> Serving::refuse(Exchange& exchange, Error error) {
  exchange.trail.error = error.code;
  if (peer_gone()) co_return false;
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
  begin_answer({.head = head, .keep_alive = keep_alive, .head_only = head_.method == "HEAD"});
  const bool written = co_await write(body, true);
  exchange.trail.bytes_out = bytes_out();
  release_request(true);
  if (written && !keep_alive) co_await linger();
  co_return written&& goes_on();
}

/// What a browser asks before a page's request; no key comes with it, and no provider is asked.
Task<bool> Serving::answer_preflight() {
  Early early;
  if (web().grants(head_)) {
    early.status = 204;
    web().append_preflight(head_, early.fields);
  } else {
    early.error = Error{.code = Code::permission,
                        .message =
                            "Pages of this origin may not use the gateway: list it under "
                            "listen[].cors.origins.",
                        .param = "origin"};
  }
  return answer_early(std::move(early));
}

/// Paths that are not an API's: a word on what this is, and 404.
Task<bool> Serving::answer_ourselves() {
  Early early;
  const bool root = head_.path == "/" && head_.target.find('?') == std::string_view::npos;
  if (root || head_.path == "*") {
    early.body = R"({"name":"hawser","object":"gateway","api":"/v1"})";
    if (head_.method == "OPTIONS") early.fields = "Allow: GET, HEAD, POST, OPTIONS\r\n";
  } else {
    early.error =
        Error{.code = Code::not_found, .message = "Unknown path: the API lives under /v1/."};
  }
  return answer_early(std::move(early));
}

/// Everything that is answered before there is an exchange goes out here, counted and logged.
Task<bool> Serving::answer_early(Early early) {
  const std::string id(services_.ids.next());
  const Rest rest = co_await skip_rest_of_body();
  if (rest != Rest::none && !early.error) {
    early.error = Error{.code = Code::invalid_request,
                        .message =
                            "The request body is malformed, incomplete or does not belong "
                            "here."};
  }
  AnswerHead head;
  head.status = early.status;
  head.fields = std::move(early.fields);
  if (early.error) {
    const auto dialect =
        dialect::client_dialect(dialect::endpoint_of(head_.method, head_.path), head_);
    early.body = dialect::error_body(dialect, *early.error, id);
    head.status = dialect::status_of(*early.error);
    append_field(head.fields, "x-hawser-error", name_of(early.error->code));
  }
  if (!early.body.empty()) append_field(head.fields, "Content-Type", "application/json");
  if (head.status != 204) head.length = early.body.size();
  head.bodiless = head.status == 204;
  append_field(head.fields, "x-request-id", id);
  append_field(head.fields, "request-id", id);
  const auto code = early.error ? std::optional(early.error->code) : std::nullopt;
  note_early(services_, {.id = id,
                         .client = client_address_,
                         .method = head_.method,
                         .path = head_.path,
                         .status = head.status,
                         .error = code,
                         .arrived = arrived_,
                         .bytes_out = early.body.size()});
  begin_answer({.head = head,
                .keep_alive = head_.keep_alive && rest == Rest::none && !services_.draining,
                .head_only = head_.method == "HEAD"});
  const bool written = co_await write(early.body, true);
  release_request(true);
  if (written && rest != Rest::none) co_await linger();
  co_return written&& goes_on();
}

}  // namespace hawser::front::http
