// The methods of hawser.v1.Llm.
#include "front/grpc/service.hpp"

#include "base/json.hpp"
#include "front/grpc/asking.hpp"
#include "front/grpc/infrastructure.hpp"

namespace hawser::front::grpc {

namespace v1 = hawser::v1;
namespace {

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
