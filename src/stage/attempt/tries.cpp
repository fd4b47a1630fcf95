#include "stage/attempt/tries.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/keepalive.hpp"
#include "health/target_health.hpp"
#include "stage/attempt/answer_form.hpp"
#include "stage/attempt/body_parts.hpp"
#include "stage/attempt/provider_error.hpp"
#include "stage/attempt/retry_after.hpp"
#include "telemetry/log.hpp"

namespace hawser::stage::attempt {

using exchange::Target;
using generation::AnswerHead;
using net::IoStatus;

namespace {

constexpr std::size_t error_body_max = 64 * 1024;
constexpr auto error_body_patience = 5s;
// A stream that opens with comments only is committed to after so long: clients and proxies on the
// way wait for a first byte.
constexpr auto first_event_patience = 5s;

Error error_of(IoStatus status, const Error& late) {
  if (status == IoStatus::timeout) return late;
  if (status == IoStatus::cancelled) return {.code = Code::cancelled, .message = "cancelled"};
  return {.code = Code::connection, .message = "the connection to the provider broke"};
}

Tried failed_with(Error error, const Failure& failure) {
  Tried tried;
  tried.error = std::move(error);
  tried.failure = failure;
  tried.failure.code = tried.error.code;
  return tried;
}

/// Why the provider ended a connection that was set up, where TLS told it.
void add_alert(const http::UpstreamConnection& connection, Error& error) {
  if (const auto alert = connection.alert(); !alert.empty()) error.message += ": " + alert;
}

/// What a provider repeats of the head that it was sent must not reach a client or a log.
void hide_credential(const Upstream& upstream, std::string& text) {
  const auto changing = upstream.credential ? upstream.credential->field() : std::string_view();
  upstream.provider->hide_credential(changing, text);
}

/// The address that a socket is connected to, without the port: the provider's, or its proxy's.
std::string peer_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  char host[INET6_ADDRSTRLEN] = "";
  const void* bytes = nullptr;
  if (address.ss_family == AF_INET) {
    bytes = &reinterpret_cast<const sockaddr_in*>(&address)->sin_addr;
  } else if (address.ss_family == AF_INET6) {
    bytes = &reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr;
  }
  if (bytes == nullptr || ::inet_ntop(address.ss_family, bytes, host, sizeof host) == nullptr) {
    return {};
  }
  return host;
}

/// How long a stream of another gateway may be silent, by the heartbeats that it promised.
milliseconds silence_of(const wire::ResponseHead& head) {
  const auto* told = head.find("x-hawser-heartbeat");
  milliseconds::rep every = 0;
  if (told != nullptr) {
    const std::string_view text = told->value;
    std::from_chars(text.data(), text.data() + text.size(), every);
  }
  if (every <= 0) return milliseconds::max();
  const milliseconds bounded(std::min<milliseconds::rep>(every, Keepalive::period_max.count()));
  return Keepalive::dead_after(std::max(bounded, Keepalive::period_min));
}

}  // namespace

Tries::Tries(std::vector<Upstream> upstreams, const RetryConfig& retry,
             const TimeoutConfig& timeouts, const health::HealthConfig& health,
             net::Reactor& reactor, net::WorkerBytes& bytes, AttemptCounts figures)
    : counts(figures),
      budget(retry, Clock::now()),
      upstreams_(std::move(upstreams)),
      links_(upstreams_.size()),
      timeouts_(timeouts),
      health_(health),
      reattach_for_(retry.reattach_for),
      reactor_(reactor),
      bytes_(bytes) {}

Task<Result<http::UpstreamPtr>> Tries::connection_to(const AttemptRequest& request, Try& one) {
  const Upstream& upstream = upstream_of(one);
  auto kept = one.fresh_connection ? nullptr : upstream.pool->take();
  if (kept) {
    counts.shard->add(counts.connections_reused);
    co_return std::move(kept);
  }
  counts.shard->add(counts.connections_new);
  const net::ConnectTimeouts timeouts{timeouts_.connect, timeouts_.tls};
  const auto begun = Clock::now();
  auto opened = co_await upstream.pool->open(timeouts, request.cancellation());
  one.waited += Clock::now() - begun;
  co_return std::move(opened);
}

Task<Tried> Tries::once_noted(const AttemptRequest& request, Try& one) {
  const auto notes = request.notes();
  const Target& target = *one.target;
  const std::size_t at = notes->tries.size();
  notes->tries.push_back({static_cast<std::uint32_t>(at + 1), target.name, target.tags, {}, 0, {}});
  Tried tried = co_await once_only(request, one);
  auto& noted = notes->tries[at];
  noted.status = tried.answer ? tried.answer->head().status : tried.failure.status;
  if (!tried.answer || tried.failure.reached != Reached::content_out) {
    noted.error = tried.failure.code;
  }
  co_return std::move(tried);
}

Task<Tried> Tries::once_only(const AttemptRequest& request, Try& one) {
  if (!upstream_of(one).credential) return try_once(request, one);
  return with_credential(request, one);
}

Task<Tried> Tries::try_once(const AttemptRequest& request, Try& one) {
  if (request.cancellation().cancelled()) {  // during a guard, say: nothing is paid for nobody
    co_return failed_with({.code = Code::cancelled, .message = "cancelled"}, {});
  }
  if (auto sendable = provider::check_sendable(request.method(), request.message().endpoint.tail);
      !sendable) {
    co_return failed_with(sendable.error(), {.reached = Reached::sent_request, .status = 400});
  }
  auto opened = co_await connection_to(request, one);
  if (!opened) {
    Failure failure{.reached = Reached::not_connected};
    if (!opened.error().client_may_retry) failure.should_retry = false;
    co_return failed_with(opened.error(), failure);
  }
  http::UpstreamPtr connection = std::move(*opened);
  if (request.notes()) request.notes()->connected(one.target->name, peer_of(connection->fd()));
  const net::Cancellation::Binding bound(request.cancellation(), connection->waiter());
  IoStatus sent = IoStatus::ok;
  net::Stream* const own = connection->own_stream();
  if (own != nullptr && reactor_.busy()) sent = co_await own->wait_turn();
  std::size_t sent_bytes = 0;
  if (sent == IoStatus::ok) sent = co_await send(request, one, *connection, sent_bytes);
  one.sent = Clock::now();
  if (sent != IoStatus::ok && !connection->has_input()) {
    Tried tried;
    const Error* const of_client = one.client_error.get();
    tried.error =
        of_client != nullptr
            ? *of_client
            : error_of(sent, deadlines(request, *one.target).of(DeadlineKind::sending).error());
    if (sent == IoStatus::failed) add_alert(*connection, tried.error);
    const bool unread = sent == IoStatus::failed && connection->unread(1);
    tried.failure = {.reached = unread ? Reached::unprocessed : Reached::sent_request,
                     .code = of_client != nullptr ? Code::cancelled : tried.error.code};
    tried.failure.kept_ended = sent == IoStatus::failed && connection->reused();
    tried.failure.not_sent_whole = true;
    co_return tried;
  }
  co_return co_await receive(request, one, std::move(connection), sent_bytes);
}

Task<IoStatus> Tries::send(const AttemptRequest& request, Try& one,
                           http::UpstreamConnection& connection, std::size_t& sent_bytes) {
  const auto& message = request.message();
  const auto& facts = message.facts;
  const Target& target = *one.target;
  const bool names_other = facts.has_model && !target.model.empty();
  const bool renames = names_other && !facts.in_path;
  const std::string_view model = facts.form ? target.model : target.model_json;
  // Others are written while this one waits for its client or for room.
  std::string head = std::exchange(head_, {});
  head.clear();
  const auto& upstream = upstream_of(one);
  std::string tail_of_target;
  std::string_view tail = message.endpoint.tail;
  if (names_other && facts.in_path) {
    tail_of_target = dialect::with_model(message.endpoint, target.model);
    tail = tail_of_target;
  }
  const bool streams = message.stream != nullptr;
  BodyParts body("", streams ? std::string_view() : message.body);
  if (renames && !streams) body.replace(facts.model_at, facts.model_size, model);
  if (const auto* edit = request.usage_edit(); edit != nullptr && !streams) {
    if (upstream.provider->tells_stream_usage()) body.replace(edit->at, edit->size, edit->text);
  }
  std::uint64_t length = streams ? message.content_length : body.length();
  if (renames && streams) length += model.size() - facts.model_size;
  provider::Provider::Request asked{*message.head,   tail,   request.id(),
                                    message.framing, length, request.arrived()};
  if (upstream.credential) asked.credential = upstream.credential->field();
  const std::string_view named = message.header("idempotency-key");
  const auto& principal = request.decision().principal();
  const auto name = upstream.provider->idempotency_name(principal.tenant, principal.key, named);
  asked.idempotency_name = name;
  upstream.provider->write_head(asked, head);
  sent_bytes = head.size() + body.length();

  const auto stall = deadlines(request, *one.target).of(DeadlineKind::sending);
  const auto deadline = stall.behind(reactor_.now());
  if (streams) {
    const SentBody sent_body{head, renames ? model : "", length, stall.after};
    co_return co_await send_stream(request, one, sent_body, connection);
  }
  body.set_head(head);
  const auto parts = body.parts();
  const IoStatus sent = co_await connection.send(parts, true, deadline);
  head_ = std::move(head);
  co_return sent;
}

/// Passes a body on as it comes, piece by piece; stops when the provider answers before its end.
Task<IoStatus> Tries::send_stream(const AttemptRequest& request, Try& one, SentBody body,
                                  http::UpstreamConnection& connection) {
  const auto& message = request.message();
  const bool chunked = connection.chunks() && message.framing == wire::Framing::chunked;
  // A length that is not kept would make what comes next over the connection a part of the body.
  const bool sized = message.framing == wire::Framing::length;
  std::uint64_t left = body.length;
  std::string_view head = body.head;
  for (bool last = false; !last;) {
    auto piece = co_await message.stream->next();
    if (!piece) {
      one.client_error = std::make_unique<Error>(piece.error());
      co_return IoStatus::cancelled;
    }
    last = piece->last;
    if (connection.refuses_rest()) co_return IoStatus::failed;
    char size[18];
    std::array<std::string_view, 7> parts{head, {}, piece->bytes, {}, {}, {}, {}};
    if (!body.model.empty()) {  // it stands in the first piece, which decode read ahead
      const auto& facts = message.facts;
      parts[2] = piece->bytes.substr(0, facts.model_at);
      parts[3] = std::exchange(body.model, {});
      parts[4] = piece->bytes.substr(facts.model_at + facts.model_size);
    }
    const std::size_t content = parts[2].size() + parts[3].size() + parts[4].size();
    if (sized && (content > left || (last && content != left))) co_return IoStatus::failed;
    left -= sized ? content : 0;
    if (chunked && !piece->bytes.empty()) {
      parts[1] = {size, wire::write_chunk_head(size, content)};
      parts[5] = "\r\n";
    }
    if (chunked && last) parts[6] = "0\r\n\r\n";
    head = {};
    const std::span<const std::string_view> all(parts);
    const IoStatus sent = co_await connection.send(all, last, Clock::now() + body.stall);
    if (sent != IoStatus::ok) co_return sent;
  }
  co_return IoStatus::ok;
}

Deadlines Tries::deadlines(const AttemptRequest& request, const Target& target) const {
  return Deadlines({.general = timeouts_,
                    .operation = nullptr,
                    .provider = &provider_of(target).timeouts(),
                    .model = request.decision().timeouts()});
}

/// When an answer must have begun. A plain answer begins when the model is done.
Due Tries::due(const AttemptRequest& request, const Try& one) const {
  const Deadlines all = deadlines(request, *one.target);
  const bool streams = request.message().facts.stream;
  Due due;
  due.sooner(all.of(DeadlineKind::total), request.arrived());
  due.sooner(all.of(streams ? DeadlineKind::first_token : DeadlineKind::plain_answer), one.sent);
  return due;
}

Task<Tried> Tries::receive(const AttemptRequest& request, Try& one, http::UpstreamPtr connection,
                           std::size_t sent_bytes) {
  Due limit = due(request, one);
  limit.at = std::min(limit.at, request.latest());
  const auto read = co_await connection->read_head(request.method(), limit.at);
  one.waited += Clock::now() - one.sent;
  if (read.status == IoStatus::ok) {
    co_return co_await begin_answer(request, one, std::move(connection));
  }
  Tried tried;
  tried.error = error_of(read.status, limit.deadline.error());
  if (read.status == IoStatus::failed) add_alert(*connection, tried.error);
  if (read.malformed) {
    tried.error = {.code = Code::upstream, .message = "the provider's answer is malformed"};
  }
  const bool unread =
      !read.answered && read.status == IoStatus::closed && connection->unread(sent_bytes);
  tried.failure = {.reached = unread ? Reached::unprocessed : Reached::sent_request,
                   .code = tried.error.code};
  const bool ended = read.status == IoStatus::closed || read.status == IoStatus::failed;
  tried.failure.kept_ended = ended && !read.answered && connection->reused();
  co_return tried;
}

Task<Tried> Tries::begin_answer(const AttemptRequest& request, Try& one,
                                http::UpstreamPtr connection) {
  const Upstream& upstream = upstream_of(one);
  const wire::ResponseHead& received = connection->head();
  const bool gateway = upstream.provider->gateway();
  AnswerHead head = answer_head(received, request.decision().own_limits(), gateway);
  if (is_coded(received)) {
    co_return failed_with({.code = Code::upstream,
                           .message = "The provider packed its answer though it was asked not to: "
                                      "no policy could read it."},
                          {.reached = Reached::sent_request});
  }
  const auto* generation = gateway ? received.find("x-hawser-generation") : nullptr;
  Tried tried;
  if (generation != nullptr) tried.generation = generation->value;
  if (gateway) tried.silence = silence_of(received);
  if (gateway && received.status < 400) link_to(*one.target).brought(reactor_.now());
  Failure failure{
      .reached = Reached::sent_request, .code = Code::upstream, .status = received.status};
  if (one.health != nullptr) {
    const auto quota = health::quota_of(received, std::chrono::system_clock::now());
    failure.quota_told = quota.tokens.has_value();
    one.health->told(quota, reactor_.now(), health_);
  }
  if (received.status >= 400) {
    failure.retry_after = retry_after(received, std::chrono::system_clock::now());
    failure.should_retry = should_retry(received);
    failure.code = gateway ? code_of_gateway(received) : code_of_status(received.status);
  }
  const Deadlines all = deadlines(request, *one.target);
  AnswerContent::Limits limits{all.of(DeadlineKind::stall)};
  limits.silence = shortened(tried.silence);
  limits.kept_there = generation != nullptr && reattach_for_ > 0ms;
  // A stream that runs is ended by no age but the one that is set for streams.
  limits.whole.sooner(all.of(head.event_stream ? DeadlineKind::stream_total : DeadlineKind::total),
                      request.arrived());
  connection->begin_body();
  limits.ending = shortened(timeouts_.ending);
  const AnswerContent::Expected expected =
      expected_of(request, head, upstream.provider->tells_stream_usage());
  const auto& asks = request.decision().principal();
  auto content = std::make_unique<AnswerContent>(
      upstream.pool, std::move(connection), expected, limits,
      bytes_.lease(net::MemoryKind::copy, asks.tenant, asks.key).origin());
  if (failure.status >= 300) hide_credential(upstream, head.fields);  // such as of a redirect
  if (failure.status >= 400) {
    co_return co_await refused(request, upstream, std::move(head), std::move(content), failure);
  }
  if (failure.status >= 300)
    co_return co_await redirected(upstream, std::move(head), std::move(content));
  // Elsewhere nothing is waited for: a subscription opens before it has anything to say.
  const bool opens = dialect::generates(expected.format) && (expected.events || expected.streams);
  if (opens) {
    const auto begun = Clock::now();
    auto opening =
        co_await content->open_events(begun + first_event_patience, due(request, one).at);
    one.waited += Clock::now() - begun;
    if (!opening || opening->empty) {
      tried.error = opening ? Error{.code = Code::upstream,
                                    .message = "the provider's stream had no event in it"}
                            : opening.error();
      tried.failure = {.reached = Reached::sent_request, .code = tried.error.code};
      tried.nothing_left = opening && opening->empty;
      co_return tried;
    }
    tried.failure = failure;
    if (opening->error_event) hide_credential(upstream, content->read_ahead_text());
    if (!opening->error_event) tried.failure.reached = Reached::content_out;
    tried.failure.refused = opening->error_event && !content->usage().known;
    if (opening->events != head.event_stream) relabel(head, opening->events);
  } else {
    tried.failure.reached = Reached::content_out;
  }
  tried.content = content.get();
  if (head.event_stream) tried.stream = content.get();
  tried.answer = std::make_unique<generation::Generation>(std::move(head), std::move(content));
  co_return tried;
}

/// A redirect is the client's to follow, or not; its page may repeat what was asked with.
Task<Tried> Tries::redirected(const Upstream& upstream, AnswerHead head,
                              std::unique_ptr<AnswerContent> content) {
  Tried tried;
  auto body = co_await content->read_whole(error_body_max, Clock::now() + error_body_patience);
  if (!body || !*body) {
    tried.error = body ? Error{.code = Code::upstream,
                               .message = "the provider's redirect is too long to be passed on"}
                       : body.error();
    tried.failure = {.reached = Reached::sent_request, .code = tried.error.code};
    co_return tried;
  }
  hide_credential(upstream, **body);
  tried.failure.reached = Reached::content_out;
  if (!head.bodiless) head.length = (*body)->size();
  content->give_again(std::move(**body));
  tried.content = content.get();
  tried.answer = std::make_unique<generation::Generation>(std::move(head), std::move(content));
  co_return tried;
}

/// The provider answered with an error: read it, so that its connection can be used again and its
/// words can be passed on.
Task<Tried> Tries::refused(const AttemptRequest& request, const Upstream& upstream, AnswerHead head,
                           std::unique_ptr<AnswerContent> content, Failure failure) {
  Tried tried;
  auto body = co_await content->read_whole(error_body_max, Clock::now() + error_body_patience);
  if (!body) {
    tried.error = body.error();
    failure.code = body.error().code;
    tried.failure = failure;
    co_return tried;
  }
  const bool ours = upstream.provider->has_credential() &&
                    about_credential(failure.status, *body ? std::string_view(**body) : "");
  if (*body) {
    hide_credential(upstream, **body);
    failure.out_of_quota = out_of_quota(failure.status, **body);
    const bool told = !ours && request.decision().grants().allow(policy::Grants::telemetry_body);
    log::debug("provider refused",
               {{"request_id", log::safe(request.id())},
                {"provider", log::safe(upstream.provider->name())},
                {"status", failure.status},
                {"body", log::redacted(told ? std::string_view(**body) : "(not told)")}});
  }
  if (ours && failure.status == 400) failure.status = 401;  // what it means
  tried.failure = failure;
  // What is about our credential the client must neither see in part nor take for its own.
  if (ours) {
    tried.error = {.code = Code::upstream,
                   .message = "the provider refused the gateway's credential",
                   .client_may_retry = false};
    co_return tried;
  }
  if (*body) {
    tried.answer = generation::make_whole(std::move(head), std::move(**body));
  } else if (upstream.provider->has_credential()) {
    tried.error = {.code = Code::upstream,
                   .message = "The provider's error answer is too long to be passed on.",
                   .client_may_retry = false};
  } else {
    tried.content = content.get();
    tried.answer = std::make_unique<generation::Generation>(std::move(head), std::move(content));
  }
  co_return tried;
}

}  // namespace hawser::stage::attempt
