#include "admin/admin.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "wire/http1.hpp"

namespace hawser::admin {
namespace {

using net::IoStatus;

constexpr auto patience = 10s;
constexpr std::size_t body_max = 8 * 1024;
constexpr std::string_view json = "application/json";

/// Only out of memory leaves these coroutines: the operator's connection ends, nothing else does.
void end_quietly(std::exception_ptr) {}

std::string response(std::string_view status, std::string_view type, std::string_view body) {
  std::string out("HTTP/1.1 ");
  out.append(status).append("\r\nContent-Type: ").append(type);
  out.append("\r\nCache-Control: no-store\r\nContent-Length: ");
  out.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  return out;
}

std::string refusal(std::string_view status, std::string_view why) {
  std::string body = "{\"error\":";
  append_json_string(body, why);
  return response(status, json, body.append("}"));
}

bool is_one_of(std::string_view path, std::initializer_list<std::string_view> paths) {
  return std::find(paths.begin(), paths.end(), path) != paths.end();
}

}  // namespace

Admin::Admin(net::Reactor& reactor, net::BlockPool& blocks, int listening, Views views)
    : reactor_(reactor), blocks_(blocks), listener_(reactor, listening), views_(std::move(views)) {}

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
    spawn(serve(std::move(stream)), end_quietly);
  }
}

Task<> Admin::serve(std::unique_ptr<net::Stream> stream) {
  net::InBuffer in(blocks_);
  wire::RequestHead head;
  std::size_t searched = 0;
  const wire::HeadLimits limits{.head_max = net::BlockPool::block_size};
  for (;;) {
    const auto outcome = wire::parse_request_head(in.view(), searched, limits, head);
    if (outcome.state == wire::HeadOutcome::State::malformed || in.full()) co_return;
    if (outcome.state == wire::HeadOutcome::State::incomplete) {
      if (co_await stream->read(in, Clock::now() + patience) != IoStatus::ok) co_return;
      continue;
    }
    const std::size_t body = head.framing == wire::Framing::length ? head.content_length : 0;
    if (body <= body_max && in.view().size() < outcome.consumed + body) {
      if (co_await stream->read(in, Clock::now() + patience) != IoStatus::ok) co_return;
      searched = 0;
      continue;
    }
    std::string out;
    if (body > body_max) {
      out = refusal("413 Content Too Large", "the body is too long");
    } else if (head.path == "/admin/v1/cache/purge") {
      out = co_await purge(head.method, head.query);
    } else if (head.path == "/admin/v1/policy/explain") {
      out = explain(head.method, in.view().substr(outcome.consumed, body));
    } else {
      out = answer(head.method, head.path);
    }
    const std::string_view part = out;
    const std::span<const std::string_view> parts(&part, 1);
    if (co_await stream->send(parts, Clock::now() + patience) != IoStatus::ok) co_return;
    if (!head.keep_alive || body > body_max || head.framing == wire::Framing::chunked) co_return;
    in.consume(outcome.consumed + body);
    searched = 0;
  }
}

Task<std::string> Admin::purge(std::string_view method, std::string_view query) const {
  if (method != "POST") {
    co_return response("405 Method Not Allowed", json, R"({"error":"purging is a POST"})");
  }
  const auto purged = co_await views_.purge_cache(query);
  if (purged) co_return response("200 OK", json, *purged);
  const bool ours = purged.error().code != Code::invalid_request;
  co_return response(ours ? "503 Service Unavailable" : "400 Bad Request", json,
                     "{\"error\":\"" + purged.error().message + "\"}");
}

std::string Admin::explain(std::string_view method, std::string_view body) const {
  if (method != "POST") return refusal("405 Method Not Allowed", "explaining is a POST");
  const auto explained = views_.explain_policy(body);
  if (explained) return response("200 OK", json, *explained);
  const bool unknown = explained.error().code == Code::not_found;
  return refusal(unknown ? "404 Not Found" : "400 Bad Request", explained.error().message);
}

std::string Admin::answer(std::string_view method, std::string_view path) const {
  if (method != "GET" && method != "HEAD") {
    return response("405 Method Not Allowed", json, R"({"error":"only GET is served here"})");
  }
  if (is_one_of(path, {"/healthz", "/health", "/health/liveliness", "/health/liveness"})) {
    return response("200 OK", json, R"({"status":"ok"})");
  }
  if (is_one_of(path, {"/readyz", "/health/readiness"})) {
    return views_.ready() ? response("200 OK", json, R"({"status":"ready"})")
                          : response("503 Service Unavailable", json, R"({"status":"draining"})");
  }
  if (path == "/metrics") {
    return response("200 OK", "text/plain; version=0.0.4; charset=utf-8", views_.metrics());
  }
  if (path == "/admin/v1/targets") return response("200 OK", json, views_.targets());
  return response("404 Not Found", json, R"({"error":"unknown path"})");
}

}  // namespace hawser::admin
