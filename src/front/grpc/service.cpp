// The methods of hawser.v1.Llm.
#include "front/grpc/service.hpp"

#include <algorithm>
#include <map>

#include "base/json.hpp"
#include "dialect/error_body.hpp"
#include "front/grpc/infrastructure.hpp"
#include "telemetry/log.hpp"
#include "wire/http1.hpp"
#include "wire/sse.hpp"

namespace hawser::front::grpc {

namespace v1 = hawser::v1;
using exchange::AnswerReader;
using exchange::Call;

namespace {

constexpr std::size_t whole_max = 64 * 1024 * 1024;  // of an answer that is read whole

Error malformed() {
  return {.code = Code::invalid_request, .message = "The message is not what this method takes."};
}

/// An exchange of a call, and its answer.
class Asking {
 public:
  Asking(Services& services, const RpcPtr& rpc, std::string_view peer, std::string method,
         Asked asked, const std::string& idempotency_key = {},
         const google::protobuf::Map<std::string, std::string>* headers = nullptr)
      : services_(services),
        rpc_(rpc),
        pipeline_(services.pipeline),
        call_(given(services, *rpc, peer, std::move(method), std::move(asked), idempotency_key,
                    headers),
              services.reactor.now()) {}

  /// Waits for the answer. Once it is there its client's going ends it, as its protocol says.
  Task<Result<>> begin() {
    watch();
    if (rpc_->over() != Rpc::Over::no) {
      co_return Error{.code = Code::cancelled, .message = "cancelled"};
    }
    auto answer = co_await pipeline_->run(call_.exchange());
    if (!answer) co_return fail(answer.error());
    answer_ = std::make_unique<AnswerReader>(std::move(*answer));
    if (rpc_->over() == Rpc::Over::cancelled || rpc_->over() == Rpc::Over::late) answer_->cancel();
    auto& trail = call_.exchange().trail;
    trail.status = answer_->head().status;
    trail.first_content = Clock::now();
    co_return Result<>();
  }
  AnswerReader& answer() { return *answer_; }
  dialect::Api api() { return call_.exchange().request.endpoint.api; }
  exchange::Trail& trail() { return call_.exchange().trail; }

  Error fail(const Error& error) {
    auto& at = call_.exchange().trail;
    at.error = error.code;
    if (at.status == 0) at.status = dialect::status_of(error);
    return error;
  }

  /// The content, whole.
  Task<Result<std::string>> whole() {
    std::string body;
    for (bool last = false; !last;) {
      auto batch = co_await answer_->next();
      if (!batch) co_return fail(batch.error());
      body.append(batch->run.bytes);
      last = batch->last;
      if (body.size() > whole_max) {
        co_return fail({.code = Code::upstream, .message = "the answer is too long"});
      }
    }
    trail().bytes_out = body.size();
    trail().usage = answer_->usage();
    answer_->delivered();
    co_return std::move(body);
  }

  /// Its field of the answer's head; empty: none.
  std::string header(std::string_view name) const {
    std::string_view fields = answer_->head().fields;
    while (!fields.empty()) {
      const auto end = std::min(fields.find("\r\n"), fields.size());
      const std::string_view line = fields.substr(0, end);
      fields.remove_prefix(std::min(end + 2, fields.size()));
      const auto colon = std::min(line.find(':'), line.size());
      if (wire::same_token(line.substr(0, colon), name)) {
        return std::string(line.substr(std::min(colon + 2, line.size())));
      }
    }
    return {};
  }

 private:
  static Call::Given given(Services& services, const Rpc& rpc, std::string_view peer,
                           std::string method, Asked asked, const std::string& idempotency_key,
                           const google::protobuf::Map<std::string, std::string>* headers) {
    Call::Given out;
    out.id = services.ids.next();
    out.method = std::move(method);
    out.target = std::move(asked.target);
    out.body = std::move(asked.body);
    out.client_address = peer;
    for (const auto& [name, value] : rpc.metadata) {
      const bool credential = name == "authorization" || name == "x-api-key" || name == "api-key";
      const bool ours = name.starts_with("x-") && !name.ends_with("-bin");
      if (credential || ours) out.fields.emplace_back(name, value);
    }
    if (headers != nullptr) {
      for (const auto& [name, value] : *headers) {
        if (name.starts_with("x-") && value.find_first_of("\r\n") == std::string::npos &&
            name.find_first_of("\r\n: ") == std::string::npos) {
          out.fields.emplace_back(name, value);
        }
      }
    }
    if (!idempotency_key.empty() && idempotency_key.find_first_of("\r\n") == std::string::npos) {
      out.fields.emplace_back("idempotency-key", idempotency_key);
    }
    if (!out.body.empty()) out.fields.emplace_back("content-type", "application/json");
    return out;
  }

  /// Cancelled by its client, or late: the provider's call ends too. Lost: it is made on.
  void watch() {
    rpc_->on_over = [this](Rpc::Over how) {
      const bool willed = how == Rpc::Over::cancelled || how == Rpc::Over::late;
      if (willed && answer_) answer_->cancel();
      if (willed) {
        call_.cancel();
      } else {
        call_.lose_client();
      }
    };
  }

  Services& services_;
  RpcPtr rpc_;
  std::shared_ptr<exchange::Pipeline> pipeline_;
  Call call_;
  std::unique_ptr<AnswerReader> answer_;

 public:
  ~Asking() { rpc_->on_over = nullptr; }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;
};

template <class Message>
bool parse(const std::optional<std::string>& bytes, Message& message) {
  return bytes && message.ParseFromString(*bytes);
}

/// The one request of a call that takes one; ends the call where there is none.
template <class Message>
Task<bool> take_request(Rpc& rpc, Message& request) {
  const auto bytes = co_await rpc.read();
  const bool taken = parse(bytes, request);
  if (!taken) rpc.end(ending_of(malformed()));
  co_return taken;
}

/// Where events of a generation go.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void event(const v1::Event& event) = 0;
  virtual Task<bool> room() = 0;
};

/// Sends the events of an answer. @return how it ended
Task<Ending> send_events(Asking& asking, EventSink& sink) {
  AnswerReader& answer = asking.answer();
  v1::Event event;
  std::string scratch;
  std::string generation = asking.header("x-hawser-generation");
  for (bool last = false; !last;) {
    auto batch = co_await answer.next();
    if (!batch) {
      const Error error = asking.fail(batch.error());
      event.Clear();
      event.mutable_error()->set_code(std::string(name_of(error.code)));
      event.mutable_error()->set_message(error.message);
      event.mutable_error()->set_status(static_cast<std::uint32_t>(dialect::status_of(error)));
      sink.event(event);  // a status cannot say it before the events that came
      co_return ending_of(error);
    }
    last = batch->last;
    auto run = batch->run;
    asking.trail().bytes_out += run.bytes.size();
    for (; run.count > 0; --run.count, ++run.seq) {
      const std::size_t size = wire::first_frame(run.bytes).size;
      const auto parts = wire::frame_parts(run.bytes.substr(0, size), scratch);
      run.bytes.remove_prefix(size);
      if (!parts.has_data) continue;
      event.Clear();
      event.set_seq(run.seq);
      event.set_epoch(1);
      if (!generation.empty()) event.set_generation(std::exchange(generation, {}));
      decode_event(asking.api(), parts.type, parts.data, event);
      if (!co_await sink.room()) {
        asking.fail({.code = Code::cancelled, .message = "the client is gone"});
        co_return Ending{.status = Status::cancelled};
      }
      sink.event(event);
    }
  }
  asking.trail().usage = answer.usage();
  answer.delivered();
  co_return Ending{};
}

/// A refusal that the provider or a stage answered with; nothing where it is no refusal.
Task<std::optional<Ending>> refusal(Asking& asking) {
  const int status = asking.answer().head().status;
  if (status < 400) co_return std::nullopt;
  const std::string wait = asking.header("retry-after");
  const auto body = co_await asking.whole();
  co_return std::optional<Ending>(ending_of(status, body ? *body : "", wait));
}

class RpcSink final : public EventSink {
 public:
  explicit RpcSink(Rpc& rpc) : rpc_(rpc) {}
  void event(const v1::Event& event) override {
    event.SerializeToString(&bytes_);
    rpc_.write(bytes_);
  }
  Task<bool> room() override { return rpc_.has_room() ? Task<bool>(true) : rpc_.room(); }

 private:
  Rpc& rpc_;
  std::string bytes_{};
};

Task<Ending> run_events(Asking& asking, EventSink& sink) {
  auto begun = co_await asking.begin();
  if (!begun) co_return ending_of(begun.error());
  if (auto refused = co_await refusal(asking)) co_return std::move(*refused);
  co_return co_await send_events(asking, sink);
}

std::string resume_target(const v1::ResumeRequest& request) {
  std::string target = "/v1/generations/";
  for (const char c : request.generation()) {
    if (c == '-' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) target.push_back(c);
  }
  target += "/events";
  if (request.has_after_seq()) {
    const auto epoch = request.after_epoch() == 0 ? 1u : request.after_epoch();
    target += "?after=" + std::to_string(epoch) + "." + std::to_string(request.after_seq());
  }
  return target;
}

// --- methods

Task<> generate(Services& services, RpcPtr rpc, std::string_view peer) {
  v1::GenerateRequest request;
  if (!co_await take_request(*rpc, request)) co_return;
  auto asked = encode(request, false);
  if (!asked) {
    rpc->end(ending_of(asked.error()));
    co_return;
  }
  Asking asking(services, rpc, peer, "POST", std::move(*asked), request.idempotency_key(),
                &request.headers());
  auto begun = co_await asking.begin();
  if (!begun) {
    rpc->end(ending_of(begun.error()));
    co_return;
  }
  if (auto refused = co_await refusal(asking)) {
    rpc->end(std::move(*refused));
    co_return;
  }
  v1::GenerateResponse response;
  response.set_generation(asking.header("x-hawser-generation"));
  auto body = co_await asking.whole();
  if (!body) {
    rpc->end(ending_of(body.error()));
    co_return;
  }
  decode_answer(asking.api(), *body, response);
  rpc->write(response.SerializeAsString());
  rpc->end({});
}

Task<> stream_generate(Services& services, RpcPtr rpc, std::string_view peer) {
  v1::GenerateRequest request;
  if (!co_await take_request(*rpc, request)) co_return;
  auto asked = encode(request, true);
  if (!asked) {
    rpc->end(ending_of(asked.error()));
    co_return;
  }
  Asking asking(services, rpc, peer, "POST", std::move(*asked), request.idempotency_key(),
                &request.headers());
  RpcSink sink(*rpc);
  Ending ending = co_await run_events(asking, sink);
  rpc->end(std::move(ending));
}

Task<> resume(Services& services, RpcPtr rpc, std::string_view peer) {
  v1::ResumeRequest request;
  if (!co_await take_request(*rpc, request)) co_return;
  Asked asked{.target = resume_target(request), .body = {}};
  Asking asking(services, rpc, peer, "GET", std::move(asked));
  RpcSink sink(*rpc);
  Ending ending = co_await run_events(asking, sink);
  rpc->end(std::move(ending));
}

/// A call that asks for one JSON answer. Nothing: it was ended.
Task<std::optional<std::string>> ask_whole(Services& services, const RpcPtr& rpc,
                                           std::string_view peer, const char* method, Asked asked) {
  Asking asking(services, rpc, peer, method, std::move(asked));
  auto begun = co_await asking.begin();
  if (!begun) {
    rpc->end(ending_of(begun.error()));
    co_return std::nullopt;
  }
  if (auto refused = co_await refusal(asking)) {
    rpc->end(std::move(*refused));
    co_return std::nullopt;
  }
  auto body = co_await asking.whole();
  if (!body) {
    rpc->end(ending_of(body.error()));
    co_return std::nullopt;
  }
  co_return std::optional<std::string>(std::move(*body));
}

Task<> cancel(Services& services, RpcPtr rpc, std::string_view peer) {
  v1::CancelRequest request;
  if (!co_await take_request(*rpc, request)) co_return;
  v1::ResumeRequest named;
  named.set_generation(request.generation());
  std::string target = resume_target(named);
  target.replace(target.size() - 7, 7, "/cancel");
  Asked asked{.target = std::move(target), .body = {}};
  const auto body = co_await ask_whole(services, rpc, peer, "POST", std::move(asked));
  if (!body) co_return;
  v1::CancelResponse response;
  response.set_state(json_text(*body, "state").value_or(""));
  response.set_events(json_number(*body, "events").value_or(0));
  rpc->write(response.SerializeAsString());
  rpc->end({});
}

Task<> embed(Services& services, RpcPtr rpc, std::string_view peer) {
  v1::EmbedRequest request;
  if (!co_await take_request(*rpc, request)) co_return;
  Asked asked{.target = "/v1/embeddings", .body = encode(request)};
  const auto body = co_await ask_whole(services, rpc, peer, "POST", std::move(asked));
  if (!body) co_return;
  v1::EmbedResponse response;
  decode_embeddings(*body, response);
  rpc->write(response.SerializeAsString());
  rpc->end({});
}

Task<> list_models(Services& services, RpcPtr rpc, std::string_view peer) {
  v1::ListModelsRequest request;
  if (!co_await take_request(*rpc, request)) co_return;
  Asked asked{.target = "/v1/models", .body = {}};
  const auto body = co_await ask_whole(services, rpc, peer, "GET", std::move(asked));
  if (!body) co_return;
  v1::ListModelsResponse response;
  decode_models(*body, response);
  rpc->write(response.SerializeAsString());
  rpc->end({});
}

// --- Tunnel: many generations over one call

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
  tunnel->running.emplace(frame.id(), own);
  ++tunnel->count;
  spawn(run_in_tunnel(services, tunnel, own, std::move(frame), std::string(peer)), log_bug);
}

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

using Method = Task<> (*)(Services&, RpcPtr, std::string_view);
struct Named {
  std::string_view path;
  Method method;
};
constexpr Named methods[] = {
    {"/hawser.v1.Llm/Generate", generate},      {"/hawser.v1.Llm/StreamGenerate", stream_generate},
    {"/hawser.v1.Llm/Resume", resume},          {"/hawser.v1.Llm/Cancel", cancel},
    {"/hawser.v1.Llm/Tunnel", tunnel},          {"/hawser.v1.Llm/Embed", embed},
    {"/hawser.v1.Llm/ListModels", list_models},
};

}  // namespace

Task<> serve(Services& services, RpcPtr rpc, std::string peer) {
  for (const Named& named : methods) {
    if (rpc->path == named.path) {
      co_await named.method(services, rpc, peer);
      co_return;
    }
  }
  if (co_await serve_infrastructure(services, rpc)) co_return;
  rpc->end({Status::unimplemented, "unknown method " + rpc->path});
}

}  // namespace hawser::front::grpc
