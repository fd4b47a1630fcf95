#include "gateway/worker.hpp"

#include <pthread.h>
#include <unistd.h>

#include "gateway/audit_views.hpp"
#include "gateway/names.hpp"
#include "telemetry/log.hpp"

namespace hawser::gateway {

using net::IoStatus;

namespace {

/// An exception that reaches here is a bug: only its session ends.
void log_bug(std::exception_ptr bug) {
  try {
    std::rethrow_exception(bug);
  } catch (const std::exception& e) {
    log::error("a session ended by a bug", {{"what", log::redacted(e.what())}});
  }
}

/// A session's place in the list of its worker's.
class Listed {
 public:
  Listed(std::vector<front::http::Session*>& list, front::http::Session& session)
      : list_(list), session_(session) {
    session.place = list.size();
    list.push_back(&session);
  }
  ~Listed() {
    list_.back()->place = session_.place;
    list_[session_.place] = list_.back();
    list_.pop_back();
  }
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;

 private:
  std::vector<front::http::Session*>& list_;
  front::http::Session& session_;
};

class WebSocketConnection final : public front::http::Upgraded {
 public:
  explicit WebSocketConnection(std::unique_ptr<front::websocket::Session> session)
      : session_(std::move(session)) {}
  Task<> run() override { return session_->run(); }
  void drain() override { session_->drain(); }
  bool known_client() const override { return session_->known_client(); }

 private:
  std::unique_ptr<front::websocket::Session> session_;
};

class WebSocketAdmission final : public front::http::Admission {
 public:
  explicit WebSocketAdmission(front::websocket::Accepted accepted)
      : accepted_(std::move(accepted)) {}
  std::unique_ptr<front::http::Upgraded> open(net::Stream& stream, net::InBuffer& in) override {
    return std::make_unique<WebSocketConnection>(accepted_.open(stream, in));
  }

 private:
  front::websocket::Accepted accepted_;
};

Result<std::unique_ptr<front::http::Admission>> judge_websocket(
    front::websocket::Services& services, const front::http::Upgrade& upgrade,
    std::string& fields) {
  const front::websocket::Handshake handshake{services, upgrade.head, upgrade.client_address,
                                              upgrade.client_names};
  auto accepted = handshake.accept(fields);
  if (!accepted) return accepted.error();
  return std::make_unique<WebSocketAdmission>(std::move(*accepted));
}

}  // namespace

Worker::Worker(const Shared& shared, std::uint32_t index, SnapshotPtr snapshot,
               const std::vector<int>& listening)
    : directory_(shared.directory),
      process_bytes_(shared.bytes),
      shelf_(reactor_, index),
      limits_(shared.limits),
      parts_{reactor_,
             pools_,
             directory_,
             shelf_,
             shared.registry.make_shard(),
             shared.metrics,
             shared.access_log.make_writer(),
             limits_,
             shared.filter_secret,
             shared.cache,
             bytes_,
             shared.offload,
             [this](exchange::Call::Given given, std::function<void()> over) {
               run_aside(std::move(given), std::move(over));
             },
             shared.audit,
             shared.audit != nullptr ? &shared.audit->make_inlet() : nullptr,
             shared.objects},
      services_{reactor_, blocks_, ids_, parts_.shard, shared.metrics, bytes_, parts_.access_log},
      websocket_{reactor_,           ids_,  parts_.shard, shared.metrics, services_.pipeline,
                 services_.draining, bytes_},
      grpc_{reactor_,           ids_,
            parts_.shard,       shared.metrics,
            services_.pipeline, services_.draining,
            parts_.access_log,  bytes_} {
  services_.upgrades = front::websocket::serves;
  services_.upgrade = [this](const front::http::Upgrade& upgrade, std::string& fields) {
    return judge_websocket(websocket_, upgrade, fields);
  };
  services_.is_call = front::grpc::is_call;
  services_.call = [this](front::http::Services::Call call) { return open_call(std::move(call)); };
  for (const int fd : listening)
    listeners_.push_back(std::make_unique<net::Listener>(reactor_, fd));
  directory_.place(index, shelf_);
  shelf_.account_to(bytes_);
  apply(std::move(snapshot));
}

Worker::~Worker() {
  if (!thread_.joinable()) return;
  drain(Clock::now());  // the start failed behind this one's
  join();
}

void Worker::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "hawser-worker");
    for (std::size_t i = 0; i < listeners_.size(); ++i) spawn(accept_all(i), log_bug);
    spawn(tend(), log_bug);
    reactor_.run();
  });
}

void Worker::use(SnapshotPtr snapshot) {
  reactor_.post([this, next = std::move(snapshot)] { apply(next); });
}

void Worker::apply(SnapshotPtr snapshot) {
  services_.pipeline = assemble(*snapshot, parts_);
  resolver_.configure(resolver_settings(*snapshot, parts_));
  services_.limits = snapshot->config->limits;
  services_.web.clear();
  for (const auto& listen : snapshot->config->listen) {
    services_.web.push_back(
        std::make_shared<const front::http::WebAccess>(listen, snapshot->keys->empty()));
  }
  services_.http2 = snapshot->config->http2;
  const auto& generations = snapshot->config->generations;
  const auto& memory = services_.limits.memory;
  const net::ByteLimits byte_limits{memory.process.count(), memory.per_key.count(),
                                    memory.per_connection.count(), generations.memory_max.count()};
  process_bytes_.set_limits(byte_limits);  // by each worker the same
  bytes_.configure(byte_limits);
  shelf_.configure(
      {generations.kept, generations.detached_per_key_max, generations.delivered_max.count()});
  grpc_.config = snapshot->config->grpc;
  grpc_.write_timeout = services_.limits.write_timeout;
  grpc_.bodies_max = memory.per_connection.count();
  websocket_.config = snapshot->config->websocket;
  websocket_.write_timeout = services_.limits.write_timeout;
  websocket_.body_timeout = services_.limits.body_timeout;
  websocket_.body_max = services_.limits.json_body_max.count();
  websocket_.bodies_max = memory.per_connection.count();
  websocket_.grace = generations.grace;
  websocket_.keyless = snapshot->keys->empty();
  const auto client_for = [&](const char* what) {
    return [keys = snapshot->keys, inlet = parts_.audit_inlet, what](
               const wire::RequestHead& head, const std::vector<std::string>& client_names) {
      auto client = stage::authenticate::client_of(*keys, head, client_names);
      using By = audit::Log::Inlet::By;
      if (!client && inlet != nullptr) inlet->put(refused_connection(what), By::stranger);
      return client;
    };
  };
  websocket_.client_of = client_for("websocket");
  grpc_.client_of = client_for("grpc");
  snapshot_ = std::move(snapshot);
}

Task<> Worker::accept_all(std::size_t listener) {
  net::Waiter pause(reactor_);
  for (;;) {
    auto accepted = co_await listeners_[listener]->accept();
    if (accepted.status == IoStatus::cancelled) co_return;  // drain
    if (accepted.status != IoStatus::ok) {                  // out of descriptors: never spin on it
      co_await pause.wait(Clock::now() + 50ms);
      if (services_.draining) co_return;
      continue;
    }
    admit(listener, std::move(accepted));
  }
}

void Worker::admit(std::size_t listener, net::Listener::Accepted accepted) {
  auto place = services_.take_place(accepted.peer);
  if (!place) {
    ::close(accepted.fd);
    return;
  }
  auto stream = std::make_unique<net::Stream>(reactor_, accepted.fd);
  const auto& tls = snapshot_->listen_tls;
  if (listener < tls.size() && tls[listener]) stream->secure(net::make_server_ssl(*tls[listener]));
  const auto& listen = snapshot_->config->listen;
  auto speaks = Speaks::http;
  if (listener < listen.size() && listen[listener].grpc) speaks = Speaks::grpc;
  if (listener < listen.size() && listen[listener].http2_only) speaks = Speaks::http2;
  serve(std::move(stream), std::move(*place), {speaks, static_cast<std::uint32_t>(listener)});
}

/// A call of gRPC on the API's own listener.
h2::HandlerPtr Worker::open_call(front::http::Services::Call call) {
  front::grpc::CallStream::Client client{.address = call.client_address,
                                         .names = call.client_names};
  auto stream = std::make_shared<front::grpc::CallStream>(grpc_, call.server, call.stream,
                                                          std::move(call.head), std::move(client),
                                                          std::move(call.ended));
  stream->begin();
  return stream;
}

Task<> Worker::serve_grpc(std::unique_ptr<net::Stream> stream, const std::string& peer) {
  const auto& limits = services_.limits;
  const front::grpc::Session::Timeouts timeouts{
      .tls = limits.tls_timeout, .first_call = limits.idle_timeout, .head = limits.head_timeout};
  front::grpc::Session session(grpc_, std::move(stream), blocks_, peer, timeouts);
  grpc_sessions_.insert(&session);
  co_await session.run();
  grpc_sessions_.erase(&session);
}

// Not a task that is spawned: a silent connection would hold one more frame.
Detached Worker::serve(std::unique_ptr<net::Stream> stream, front::http::Places::Place place,
                       CameBy by) {
  struct Leaving {
    Worker& worker;
    front::http::Places::Place& place;
    ~Leaving() {
      place.give_back();
      worker.services_.shard.add(worker.services_.metrics.client_connections, -1);
      worker.end_if_empty();
    }
  };
  const Leaving leaving{*this, place};
  services_.shard.add(services_.metrics.client_connections);
  try {
    if (by.speaks == Speaks::grpc) {
      co_await serve_grpc(std::move(stream), place.address());
    } else {
      front::http::Session session(services_, std::move(stream), place.address(), by.listener,
                                   by.speaks == Speaks::http2);
      const Listed listed(sessions_, session);
      co_await session.run();
    }
  } catch (...) {
    log_bug(std::current_exception());
  }
}

void Worker::run_aside(exchange::Call::Given given, std::function<void()> over) {
  spawn(run_call(std::move(given), std::move(over)), log_bug);
}

/// A request of our own, through the same pipeline; nobody reads its answer.
Task<> Worker::run_call(exchange::Call::Given given, std::function<void()> over) {
  exchange::Call call(std::move(given), Clock::now());
  auto answer = co_await exchange::Pipeline::run(services_.pipeline, call.exchange());
  if (answer) {
    call.exchange().trail.status = (*answer)->head().status;
    exchange::AnswerReader reader(std::move(*answer));
    bool more = true;
    while (more) {
      const auto batch = co_await reader.next();
      more = batch && !batch->last;
    }
    reader.delivered();
  } else {
    call.exchange().trail.error = answer.error().code;
  }
  over();
  co_return;
}

/// Brings a figure that several workers add to from what it was to what it is.
template <class Number>
void show(telemetry::Shard& shard, telemetry::SeriesId series, Number value, Number& shown) {
  if (value == shown) return;
  shard.add(series, static_cast<std::int64_t>(value) - static_cast<std::int64_t>(shown));
  shown = value;
}

void Worker::tend_generations(Clock::time_point now) {
  shelf_.tend(now);
  directory_.tend(now);
  show(parts_.shard, parts_.metrics.generations_running, shelf_.running(), shown_running_);
  show(parts_.shard, parts_.metrics.generations_detached, shelf_.detached(), shown_detached_);
}

void Worker::show_memory() {
  show(parts_.shard, parts_.metrics.generation_bytes,
       bytes_.in_use(net::MemoryKind::generation_log), shown_log_bytes_);
  for (std::size_t i = 0; i < net::memory_kinds; ++i) {
    const auto kind = static_cast<net::MemoryKind>(i);
    show(parts_.shard, parts_.metrics.bytes_in_use[i], bytes_.in_use(kind), shown_bytes_[i]);
  }
  for (std::size_t i = 0; i < net::memory_bounds; ++i) {
    const auto bound = static_cast<net::MemoryBound>(i);
    show(parts_.shard, parts_.metrics.memory_refused[i], bytes_.refused(bound), shown_refused_[i]);
  }
}

void Worker::show_connections() {
  const auto now = pools_.figures();
  const auto& metrics = parts_.metrics;
  show(parts_.shard, metrics.http2_connections, now.connections, shown_http2_.connections);
  show(parts_.shard, metrics.http2_streams, now.streams, shown_http2_.streams);
  show(parts_.shard, metrics.http2_refused, now.refused, shown_http2_.refused);
  show(parts_.shard, metrics.http2_lost, now.lost, shown_http2_.lost);
}

/// A few times a second: what grows old goes. While draining: what takes too long ends.
Task<> Worker::tend() {
  for (;;) {
    const auto now = Clock::now();
    if (now >= next_pools_) {
      pools_.tend(now);
      show_connections();
      next_pools_ = now + 1s;
    }
    tend_generations(now);
    show_memory();
    if (now >= drain_deadline_) reactor_.cancel_all();
    if (ended_) co_return;  // by the last session that was cancelled just now
    const bool draining = drain_deadline_ != Clock::time_point::max();
    const bool busy = draining || shelf_.size() > 0;
    const auto pause = draining ? milliseconds(50) : milliseconds(busy ? 200 : 1000);
    if (co_await tending_.wait(now + pause) == IoStatus::cancelled) co_return;
  }
}

void Worker::drain(Clock::time_point deadline) {
  reactor_.post([this, deadline] { begin_drain(deadline); });
}

void Worker::begin_drain(Clock::time_point deadline) {
  services_.draining = true;
  drain_deadline_ = deadline;
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    // Who was let in by the kernel is served still.
    for (auto waiting = listeners_[i]->try_accept(); waiting.status == IoStatus::ok;
         waiting = listeners_[i]->try_accept()) {
      admit(i, std::move(waiting));
    }
    listeners_[i]->cancel();
  }
  listeners_.clear();
  // From behind: one that ends leaves its place to the last one.
  for (std::size_t i = sessions_.size(); i > 0; --i) {
    if (i <= sessions_.size()) sessions_[i - 1]->close_if_idle();
  }
  const auto calls = grpc_sessions_;
  for (auto* session : calls) {
    if (grpc_sessions_.count(session) != 0) session->drain();
  }
  end_if_empty();
}

/// The last session is gone: end what else waits, and the loop runs out of work.
void Worker::end_if_empty() {
  if (!services_.draining || services_.places.count() > 0 || std::exchange(ended_, true)) return;
  tending_.complete(IoStatus::cancelled);
  shelf_.clear();
  pools_.close_idle();
  reactor_.cancel_all();
  reactor_.stop();
}

}  // namespace hawser::gateway
