// Many generations over one call.
#include <map>

#include "front/grpc/asking.hpp"
#include "telemetry/log.hpp"

namespace hawser::front::grpc {

namespace v1 = hawser::v1;

namespace {

/// What the generations of one tunnel share. It ends with the last of them and its client's half.
struct TunnelState {
  TunnelState(RpcPtr call, net::Reactor& reactor) : rpc(std::move(call)), idle(reactor) {}
  RpcPtr rpc;
  std::map<std::string, std::shared_ptr<Rpc>> running{};  // an own Rpc each: its client's will
  net::Waiter idle;
  std::size_t count = 0;
};

class TunnelSink final : public EventSink {
 public:
  TunnelSink(Rpc& rpc, std::string id) : rpc_(rpc) { frame_.set_id(std::move(id)); }
  void event(const v1::Event& event) override {
    *frame_.mutable_event() = event;
    send();
  }
  void end(const Ending& ending) {
    if (ending.status == Status::ok) {
      frame_.mutable_end();
    } else {
      frame_.mutable_error()->set_code(std::to_string(static_cast<int>(ending.status)));
      frame_.mutable_error()->set_message(ending.message);
    }
    send();
  }
  Task<bool> room() override { return rpc_.has_room() ? Task<bool>(true) : rpc_.room(); }

 private:
  void send() {
    frame_.SerializeToString(&bytes_);
    rpc_.write(bytes_);
  }
  Rpc& rpc_;
  v1::ServerFrame frame_{};
  std::string bytes_{};
};

/// One generation of a tunnel. `own` stands for it alone: it is cancelled without the others.
Task<> run_in_tunnel(Services& services, std::shared_ptr<TunnelState> tunnel, RpcPtr own,
                     v1::ClientFrame frame, std::string peer) {
  TunnelSink sink(*tunnel->rpc, frame.id());
  Result<Asked> asked = Asked{};
  std::string method = "GET", key;
  if (frame.has_generate()) {
    asked = encode(frame.generate(), true);
    method = "POST";
    key = frame.generate().idempotency_key();
  } else {
    asked->target = resume_target(frame.resume());
  }
  Ending ending;
  if (asked) {
    const auto* const headers = frame.has_generate() ? &frame.generate().headers() : nullptr;
    Asking asking(services, own, peer, std::move(method), std::move(*asked), key, headers);
    ending = co_await run_events(asking, sink);
  } else {
    ending = ending_of(asked.error());
  }
  sink.end(ending);
  tunnel->running.erase(frame.id());
  if (--tunnel->count == 0) tunnel->idle.complete(net::IoStatus::ok);
}

void log_bug(std::exception_ptr bug) {
  try {
    std::rethrow_exception(bug);
  } catch (const std::exception& e) {
    log::error("a generation of a tunnel ended by a bug", {{"what", log::redacted(e.what())}});
  }
}

void refuse_in_tunnel(TunnelState& tunnel, const std::string& id, Error error) {
  TunnelSink sink(*tunnel.rpc, id);
  sink.end(ending_of(error));
}

void start_in_tunnel(Services& services, const std::shared_ptr<TunnelState>& tunnel,
                     v1::ClientFrame frame, std::string_view peer) {
  constexpr std::size_t generations_max = 64;
  if (tunnel->running.contains(frame.id()) || tunnel->running.size() >= generations_max) {
    const bool twice = tunnel->running.contains(frame.id());
    refuse_in_tunnel(*tunnel, frame.id(),
                     {.code = twice ? Code::invalid_request : Code::rate_limit,
                      .message = twice ? "This id is in use." : "Too many generations at once."});
    return;
  }
  auto own = std::make_shared<Rpc>(services.reactor);
  own->metadata = tunnel->rpc->metadata;
  own->client_names = tunnel->rpc->client_names;
  tunnel->running.emplace(frame.id(), own);
  ++tunnel->count;
  spawn(run_in_tunnel(services, tunnel, own, std::move(frame), std::string(peer)), log_bug);
}

}  // namespace

Task<> tunnel(Services& services, RpcPtr rpc, std::string_view peer) {
  const auto state = std::make_shared<TunnelState>(rpc, services.reactor);
  rpc->on_over = [state](Rpc::Over how) {
    const auto running = state->running;
    for (const auto& [id, own] : running) own->finish(how);
  };
  for (;;) {
    const auto bytes = co_await rpc->read();
    v1::ClientFrame frame;
    if (!bytes) break;
    if (!frame.ParseFromString(*bytes) || frame.id().size() > 128) {
      rpc->end(ending_of(malformed()));
      break;
    }
    if (frame.has_cancel()) {
      const auto found = state->running.find(frame.id());
      const RpcPtr own = found == state->running.end() ? nullptr : found->second;
      if (own) own->finish(Rpc::Over::cancelled);
    } else if (frame.has_generate() || frame.has_resume()) {
      start_in_tunnel(services, state, std::move(frame), peer);
    }
  }
  for (net::IoStatus waited = net::IoStatus::ok; state->count > 0 && waited == net::IoStatus::ok;) {
    waited = co_await state->idle.wait(Clock::time_point::max());
  }
  rpc->on_over = nullptr;
  rpc->end({});
}

}  // namespace hawser::front::grpc
