// Many generations over one call.
#include <unordered_map>

#include "front/grpc/asking.hpp"
#include "telemetry/log.hpp"

namespace hawser::front::grpc {

namespace v1 = hawser::v1;

namespace {

/// What the generations of one tunnel share. It ends with the last of them and its client's half.
struct TunnelState {
  TunnelState(RpcPtr call, net::Reactor& reactor) : rpc(std::move(call)), idle(reactor) {}
  RpcPtr rpc;
  std::unordered_map<std::string, RpcPtr> running{};  // an own Rpc each: its client's will
  net::Waiter idle;
  std::size_t count = 0;
};

class TunnelSink final : public EventSink {
 public:
  TunnelSink(Rpc& rpc, std::string id) : rpc_(rpc) { frame_.set_id(std::move(id)); }
  Task<bool> event(const v1::Event& event) override {
    *frame_.mutable_event() = event;
    return send();
  }
  Task<bool> end(const Ending& ending) {
    if (ending.status == Status::ok) {
      frame_.mutable_end();
    } else {
      frame_.mutable_error()->set_code(std::to_string(static_cast<int>(ending.status)));
      frame_.mutable_error()->set_message(ending.message);
    }
    return send();
  }

 private:
  Task<bool> send() {
    frame_.SerializeToString(&bytes_);
    return rpc_.write(bytes_);
  }
  Rpc& rpc_;
  v1::ServerFrame frame_{};
  std::string bytes_{};
};

/// A frame and its part of what the connection may hold, until its generation has ended.
struct TunnelFrame {
  v1::ClientFrame message{};
  net::ConnectionBudget::Share held{};
};

Result<exchange::Call::Given> given_of(Services& services, const CallHead& head,
                                       std::string_view peer, const v1::ClientFrame& frame) {
  if (frame.has_generate()) return generation_of(services, head, peer, frame.generate(), true);
  Asked asked{.target = resume_target(frame.resume()), .body = {}};
  return call_of(services, head, peer, "GET", std::move(asked));
}

/// One generation of a tunnel. `own` stands for it alone: it is cancelled without the others.
Task<> run_in_tunnel(Services& services, std::shared_ptr<TunnelState> tunnel, RpcPtr own,
                     TunnelFrame frame, std::string peer) {
  const std::string id = frame.message.id();
  TunnelSink sink(*tunnel->rpc, id);
  auto given = given_of(services, own->head, peer, frame.message);
  frame.message.Clear();
  Ending ending;
  if (given) {
    Asking asking(services, own, std::move(*given));
    ending = co_await run_events(asking, sink);
  } else {
    ending = ending_of(given.error());
  }
  const bool heard = co_await sink.end(ending);
  (void)heard;  // who does not is gone: its tunnel ends
  tunnel->running.erase(id);
  if (--tunnel->count == 0) tunnel->idle.complete(net::IoStatus::ok);
}

void log_bug(std::exception_ptr bug) {
  try {
    std::rethrow_exception(bug);
  } catch (const std::exception& e) {
    log::error("a generation of a tunnel ended by a bug", {{"what", log::redacted(e.what())}});
  }
}

/// Begins the generation that a frame asks for. An error: it was refused.
Result<> start_in_tunnel(Services& services, const std::shared_ptr<TunnelState>& tunnel,
                         TunnelFrame frame, std::string_view peer) {
  constexpr std::size_t generations_max = 64;
  const std::string& id = frame.message.id();
  if (tunnel->running.contains(id)) {
    return Error{.code = Code::invalid_request, .message = "This id is in use."};
  }
  if (tunnel->running.size() >= generations_max) {
    return Error{.code = Code::rate_limit, .message = "Too many generations at once."};
  }
  auto own = std::make_shared<Rpc>(services.reactor, tunnel->rpc->head, Rpc::Bounds{});
  tunnel->running.emplace(id, own);
  ++tunnel->count;
  spawn(run_in_tunnel(services, tunnel, own, std::move(frame), std::string(peer)), log_bug);
  return {};
}

/// One frame of the client; what is refused is told, as soon as there is room to tell it: who does
/// not read is not read.
/// @return false: the tunnel is over
Task<bool> take_frame(Services& services, const std::shared_ptr<TunnelState>& state,
                      Rpc::Message read, std::string_view peer) {
  TunnelFrame frame;
  if (!frame.message.ParseFromString(read.bytes) || frame.message.id().size() > 128) {
    state->rpc->end(ending_of(malformed()));
    co_return false;
  }
  std::string().swap(read.bytes);
  frame.held = std::move(read.held);
  const std::string id = frame.message.id();
  if (frame.message.has_cancel()) {
    const auto found = state->running.find(id);
    const RpcPtr own = found == state->running.end() ? nullptr : found->second;
    if (own) own->finish(Rpc::Over::cancelled);
    co_return true;
  }
  if (!frame.message.has_generate() && !frame.message.has_resume()) co_return true;
  const auto started = start_in_tunnel(services, state, std::move(frame), peer);
  if (started) co_return true;
  TunnelSink sink(*state->rpc, id);
  const Ending ending = ending_of(started.error());
  co_return co_await sink.end(ending);
}

}  // namespace

Task<> tunnel(Services& services, RpcPtr rpc, std::string_view peer) {
  const auto state = std::make_shared<TunnelState>(rpc, services.reactor);
  rpc->on_over = [state](Rpc::Over how) {
    const auto running = state->running;
    for (const auto& [id, own] : running) own->finish(how);
  };
  for (;;) {
    auto read = co_await rpc->read();
    if (!read) break;
    const bool goes_on = co_await take_frame(services, state, std::move(*read), peer);
    if (!goes_on) break;
  }
  for (net::IoStatus waited = net::IoStatus::ok; state->count > 0 && waited == net::IoStatus::ok;) {
    waited = co_await state->idle.wait(Clock::time_point::max());
  }
  rpc->on_over = nullptr;
  rpc->end({});
}

}  // namespace hawser::front::grpc
