#include "admin/admin.hpp"

#include <algorithm>

#include "admin/authority.hpp"
#include "base/json.hpp"
#include "net/tls_server.hpp"
#include "telemetry/log.hpp"

namespace hawser::admin {
namespace {

using net::IoStatus;

constexpr auto patience = 10s;  // for a handshake, a head, a body, the next request
constexpr std::size_t body_max = 8 * 1024;

/// Only out of memory leaves these coroutines: the operator's connection ends, nothing else does.
void end_quietly(std::exception_ptr) {}

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return status < 500 ? "Bad Request" : "Internal Server Error";
  }
}

bool is_one_of(std::string_view path, std::initializer_list<std::string_view> paths) {
  return std::find(paths.begin(), paths.end(), path) != paths.end();
}

}  // namespace

Admin::Admin(net::Reactor& reactor, net::BlockPool& blocks, int listening, Views views)
    : reactor_(reactor), blocks_(blocks), listener_(reactor, listening), views_(std::move(views)) {}

Admin::Reply Admin::refusal(int status, std::string_view why) {
  Reply reply{.status = status, .body = "{\"error\":"};
  append_json_string(reply.body, why);
  reply.body.append("}");
  return reply;
}

void Admin::start() {
  spawn(accept_all(), end_quietly);
}

Task<> Admin::accept_all() {
  net::Waiter pause(reactor_);
  for (;;) {
    auto accepted = co_await listener_.accept();
    if (accepted.status == IoStatus::cancelled) co_return;
    if (accepted.status != IoStatus::ok) {
      co_await pause.wait(Clock::now() + 50ms);
      continue;
    }
    auto stream = std::make_unique<net::Stream>(reactor_, accepted.fd);
    // Who asks nothing makes room for who may; where all ask something, the new one is closed.
    if (connections_ >= views_.config()->connections_max && !close_idlest()) continue;
    if (const auto tls = views_.tls()) stream->secure(net::make_server_ssl(*tls));
    spawn(serve(std::move(stream)), end_quietly);
  }
}

/// A connection while it is waited for what it asks.
class Admin::Idle {
 public:
  Idle(std::list<Idle*>& all, net::Stream& stream) : all_(all), stream_(stream) {
    all_.push_back(this);
  }
  ~Idle() { all_.remove(this); }
  Idle(const Idle&) = delete;
  Idle& operator=(const Idle&) = delete;

  void close() {
    all_.remove(this);
    stream_.cancel();
  }

 private:
  std::list<Idle*>& all_;
  net::Stream& stream_;
};

/// @return whether there was one
bool Admin::close_idlest() {
  if (idle_.empty()) return false;
  idle_.front()->close();
  return true;
}

Task<> Admin::serve(std::unique_ptr<net::Stream> stream) {
  struct Leaving {
    std::uint32_t& connections;
    ~Leaving() { --connections; }
  };
  ++connections_;
  const Leaving leaving{connections_};
  if (stream->secured()) {
    const Idle waits(idle_, *stream);
    if (co_await stream->handshake(Clock::now() + patience) != IoStatus::ok) co_return;
  }
  co_await serve_requests(*stream);
  stream->goodbye();
}

Task<> Admin::serve_requests(net::Stream& stream) {
  net::InBuffer in(blocks_);
  wire::RequestHead head;
  std::size_t searched = 0;
  auto deadline = Clock::now() + patience;
  const wire::HeadLimits limits{.head_max = net::BlockPool::block_size - 1};
  for (;;) {
    const auto outcome = wire::parse_request_head(in.view(), searched, limits, head);
    const bool complete = outcome.state == wire::HeadOutcome::State::complete;
    const std::size_t length =
        complete && head.framing == wire::Framing::length ? head.content_length : 0;
    const bool fits = length <= body_max && (!complete || head.framing != wire::Framing::chunked);
    const bool whole = complete && in.view().size() >= outcome.consumed + length;
    Reply reply;
    if (outcome.state == wire::HeadOutcome::State::malformed) {
      reply = refusal(outcome.status, outcome.problem);
      reply.closes = true;
    } else if (complete && !fits) {
      reply = refusal(413, "the body is too long, or its length is not told");
      reply.closes = true;
    } else if (!whole) {
      if (in.full()) in.grow();
      IoStatus read = IoStatus::ok;
      {
        const Idle waits(idle_, stream);
        read = co_await stream.read(in, deadline);
      }
      if (read != IoStatus::ok) co_return;
      if (complete) searched = 0;
      continue;
    } else {
      reply = co_await answer(head, in.view().substr(outcome.consumed, length));
    }
    std::string out = "HTTP/1.1 " + std::to_string(reply.status) + " ";
    out.append(reason_of(reply.status)).append("\r\nContent-Type: ").append(reply.type);
    out.append("\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
    const bool last = reply.closes || !head.keep_alive;
    if (last) out.append("Connection: close\r\n");
    out.append(reply.fields).append("Content-Length: ");
    out.append(std::to_string(reply.body.size())).append("\r\n\r\n");
    if (!complete || head.method != "HEAD") out.append(reply.body);
    const std::string_view part = out;
    const std::span<const std::string_view> parts(&part, 1);
    if (co_await stream.send(parts, Clock::now() + patience) != IoStatus::ok || last) co_return;
    in.consume(outcome.consumed + length);
    searched = 0;
    deadline = Clock::now() + patience;
  }
}

/// Somebody should know: at most one line a second.
Admin::Reply Admin::refuse_access(int status, std::string_view why, const wire::RequestHead& head) {
  views_.refused();
  if (const auto now = Clock::now(); now >= next_warning_) {
    next_warning_ = now + 1s;
    log::warn("administration refused",
              {{"why", log::safe(why)}, {"path", log::redacted(head.path.substr(0, 256))}});
  }
  return refusal(status, why);
}

Task<Admin::Reply> Admin::answer(const wire::RequestHead& head, std::string_view body) {
  const auto config = views_.config();
  Reply reply;
  switch (judge(head, *config)) {
    case Access::granted:
      break;
    case Access::no_token:
    case Access::wrong_token:
      reply = refuse_access(401, "the token of the administration is missing or wrong", head);
      reply.fields = "WWW-Authenticate: Bearer\r\n";
      co_return reply;
    case Access::foreign_page:
      reply =
          refuse_access(403, "not from a web page, and not under this name (admin.hosts)", head);
      co_return reply;
  }
  const bool posts = is_one_of(head.path, {"/admin/v1/cache/purge", "/admin/v1/policy/explain"});
  const bool fits = posts ? head.method == "POST" : head.method == "GET" || head.method == "HEAD";
  if (!fits) {
    reply = refusal(405, posts ? "this is a POST" : "only GET is served here");
    reply.fields = posts ? "Allow: POST\r\n" : "Allow: GET, HEAD\r\n";
    co_return reply;
  }
  if (head.path == "/admin/v1/cache/purge") co_return co_await purge(head.query);
  if (head.path == "/admin/v1/policy/explain") co_return explain(body);
  if (is_one_of(head.path, {"/readyz", "/health/readiness"})) {
    reply.status = views_.ready() ? 200 : 503;
    reply.body = views_.ready() ? R"({"status":"ready"})" : R"({"status":"draining"})";
  } else if (needs_of(head.path) == Needs::nothing) {
    reply.body = R"({"status":"ok"})";
  } else if (head.path == "/metrics") {
    reply.type = "text/plain; version=0.0.4; charset=utf-8";
    reply.body = views_.metrics();
  } else if (head.path == "/admin/v1/targets") {
    reply.body = views_.targets();
  } else {
    reply = refusal(404, "unknown path");
  }
  co_return reply;
}

Task<Admin::Reply> Admin::purge(std::string_view query) const {
  auto purged = co_await views_.purge_cache(query);
  Reply reply;
  if (purged) {
    reply.body = std::move(*purged);
  } else {
    const bool ours = purged.error().code != Code::invalid_request;
    reply = refusal(ours ? 503 : 400, purged.error().message);
  }
  co_return reply;
}

Admin::Reply Admin::explain(std::string_view body) const {
  const auto explained = views_.explain_policy(body);
  if (explained) return {.body = *explained};
  return refusal(explained.error().code == Code::not_found ? 404 : 400, explained.error().message);
}

}  // namespace hawser::admin
