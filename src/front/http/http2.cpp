#include "front/http/http2.hpp"

#include <algorithm>

#include "telemetry/log.hpp"

namespace hawser::front::http {

using net::IoStatus;

namespace {

void log_bug(std::exception_ptr bug) {
  try {
    std::rethrow_exception(bug);
  } catch (const std::exception& e) {
    log::error("a request ended by a bug", {{"what", log::redacted(e.what())}});
  }
}

h2::Server::Limits limits_of(const Services& services) {
  h2::Server::Limits limits;
  limits.config = services.http2;
  limits.head_max = services.limits.head_max.count();
  limits.fields_max = services.limits.fields_max;
  limits.head_timeout = services.limits.head_timeout;
  limits.idle_timeout = services.limits.idle_timeout;
  limits.write_timeout = services.limits.write_timeout;
  limits.keepalive = services.http2.keepalive;
  limits.bodies_max = services.limits.memory.per_connection.count();
  limits.extended_connect = static_cast<bool>(services.upgrade);
  return limits;
}

}  // namespace

Http2::Http2(Services& services, const Opened& opened)
    : services_(services),
      opened_(opened),
      server_(opened.stream, opened.in, limits_of(services),
              [this](h2::Server&, std::int32_t stream, h2::RequestHead head) {
                return open(stream, std::move(head));
              }),
      last_(opened.stream.reactor()) {}

h2::HandlerPtr Http2::open(std::int32_t stream, h2::RequestHead head) {
  ++running_;
  const bool page = services_.web[opened_.listener]
                        ->refusal(head, !opened_.client_names.empty())
                        .has_value();  // is refused as a request
  if (!page && services_.is_call != nullptr && services_.is_call(head)) {
    return services_.call({server_, stream, std::move(head), opened_.client_address,
                           opened_.client_names, [this] { ended(); }});
  }
  if (head.method == "CONNECT" && head.protocol == "websocket" && services_.upgrade &&
      services_.upgrades(std::string_view(head.path).substr(0, head.path.find('?')))) {
    auto socket = std::make_shared<Http2Socket>(*this, stream, head);
    spawn(serve(socket), log_bug);
    return socket;
  }
  auto opened = std::make_shared<Http2Stream>(*this, stream, head);
  spawn(serve(opened), log_bug);
  return opened;
}

void Http2::ended() {
  if (--running_ == 0) last_.complete(IoStatus::ok);
}

/// @tparam Served  an Http2Stream or an Http2Socket
template <class Served>
Task<> Http2::serve(std::shared_ptr<Served> served) {
  struct Leaving {
    Http2& connection;
    ~Leaving() { connection.ended(); }
  };
  const Leaving leaving{*this};
  co_await served->run();
}

std::size_t Http2::unproven_sockets() const {
  const auto count = std::count_if(sockets_.begin(), sockets_.end(),
                                   [](const Http2Socket* socket) { return socket->unproven(); });
  return static_cast<std::size_t>(count);
}

Task<> Http2::run() {
  co_await server_.run();
  if (server_.flooded()) {
    services_.shard.add(services_.metrics.http2_floods);
    if (services_.flood_lines.spend(services_.reactor.now()))
      log::warn("an HTTP/2 client sent too much that brings nothing",
                {{"client", log::safe(opened_.client_address)}});
  }
  for (IoStatus waited = IoStatus::ok; running_ > 0 && waited == IoStatus::ok;) {
    waited = co_await last_.wait(Clock::time_point::max());
  }
  co_return;  // without it GCC 12 takes the end for unreachable
}

}  // namespace hawser::front::http
