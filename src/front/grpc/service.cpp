// The methods of hawser.v1.Llm.
#include "front/grpc/service.hpp"

#include <algorithm>

#include "base/credential_headers.hpp"
#include "base/json.hpp"
#include "front/grpc/asking.hpp"
#include "front/grpc/infrastructure.hpp"

namespace hawser::front::grpc {

namespace v1 = hawser::v1;
namespace {

/// The one request of a call that takes one, and its part of what the connection may hold.
template <class Message>
struct Request {
  Message message{};
  net::ConnectionBudget::Share held{};

  /// False: there is none, and the call was ended.
  Task<bool> take(Rpc& rpc) {
    auto read = co_await rpc.read();
    const bool taken = read && message.ParseFromString(read->bytes);
    if (taken) held = std::move(read->held);
    if (!taken) rpc.end(ending_of(malformed()));
    co_return taken;
  }
};

class RpcSink final : public EventSink {
 public:
  explicit RpcSink(Rpc& rpc) : rpc_(rpc) {}
  Task<bool> event(const v1::Event& event) override {
    event.SerializeToString(&bytes_);
    return rpc_.write(bytes_);
  }

 private:
  Rpc& rpc_;
  std::string bytes_{};
};

/// The only answer of a call, and its end.
template <class Message>
Task<> finish_with(Rpc& rpc, const Message& response) {
  const std::string bytes = response.SerializeAsString();
  const bool sent = co_await rpc.write(bytes);
  if (sent) rpc.end({});
}

// --- methods

Task<> generate(Services& services, RpcPtr rpc, std::string_view peer) {
  Request<v1::GenerateRequest> request;
  const bool taken = co_await request.take(*rpc);
  if (!taken) co_return;
  auto given = generation_of(services, rpc->head, peer, request.message, false);
  if (!given) {
    rpc->end(ending_of(given.error()));
    co_return;
  }
  Asking asking(services, rpc, std::move(*given));
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
  co_await finish_with(*rpc, response);
}

Task<> stream_generate(Services& services, RpcPtr rpc, std::string_view peer) {
  Request<v1::GenerateRequest> request;
  const bool taken = co_await request.take(*rpc);
  if (!taken) co_return;
  auto given = generation_of(services, rpc->head, peer, request.message, true);
  if (!given) {
    rpc->end(ending_of(given.error()));
    co_return;
  }
  Asking asking(services, rpc, std::move(*given));
  RpcSink sink(*rpc);
  Ending ending = co_await run_events(asking, sink);
  rpc->end(std::move(ending));
}

Task<> resume(Services& services, RpcPtr rpc, std::string_view peer) {
  Request<v1::ResumeRequest> request;
  const bool taken = co_await request.take(*rpc);
  if (!taken) co_return;
  Asked asked{.target = resume_target(request.message), .body = {}};
  Asking asking(services, rpc, call_of(services, rpc->head, peer, "GET", std::move(asked)));
  RpcSink sink(*rpc);
  Ending ending = co_await run_events(asking, sink);
  rpc->end(std::move(ending));
}

/// A call that asks for one JSON answer. Nothing: it was ended.
Task<std::optional<std::string>> ask_whole(Services& services, const RpcPtr& rpc,
                                           std::string_view peer, const char* method, Asked asked) {
  Asking asking(services, rpc, call_of(services, rpc->head, peer, method, std::move(asked)));
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
  Request<v1::CancelRequest> request;
  const bool taken = co_await request.take(*rpc);
  if (!taken) co_return;
  v1::ResumeRequest named;
  named.set_generation(request.message.generation());
  std::string target = resume_target(named);
  target.replace(target.size() - 7, 7, "/cancel");
  Asked asked{.target = std::move(target), .body = {}};
  const auto body = co_await ask_whole(services, rpc, peer, "POST", std::move(asked));
  if (!body) co_return;
  v1::CancelResponse response;
  response.set_state(json_text(*body, "state").value_or(""));
  response.set_events(json_number(*body, "events").value_or(0));
  co_await finish_with(*rpc, response);
}

Task<> embed(Services& services, RpcPtr rpc, std::string_view peer) {
  Request<v1::EmbedRequest> request;
  const bool taken = co_await request.take(*rpc);
  if (!taken) co_return;
  Asked asked{.target = "/v1/embeddings", .body = encode(request.message)};
  const auto body = co_await ask_whole(services, rpc, peer, "POST", std::move(asked));
  if (!body) co_return;
  v1::EmbedResponse response;
  decode_embeddings(*body, response);
  co_await finish_with(*rpc, response);
}

Task<> list_models(Services& services, RpcPtr rpc, std::string_view peer) {
  Request<v1::ListModelsRequest> request;
  const bool taken = co_await request.take(*rpc);
  if (!taken) co_return;
  Asked asked{.target = "/v1/models", .body = {}};
  const auto body = co_await ask_whole(services, rpc, peer, "GET", std::move(asked));
  if (!body) co_return;
  v1::ListModelsResponse response;
  decode_models(*body, response);
  co_await finish_with(*rpc, response);
}

/// Who may call a method. What asks for no key is small and changes nothing.
enum class Access : std::uint8_t { with_key, anyone, where_reflection_is_on };
struct Named {
  std::string_view path;
  Method method;
  Access access;
};
constexpr Named methods[] = {
    {"/hawser.v1.Llm/Generate", generate, Access::with_key},
    {"/hawser.v1.Llm/StreamGenerate", stream_generate, Access::with_key},
    {"/hawser.v1.Llm/Resume", resume, Access::with_key},
    {"/hawser.v1.Llm/Cancel", cancel, Access::with_key},
    {"/hawser.v1.Llm/Tunnel", tunnel, Access::with_key},
    {"/hawser.v1.Llm/Embed", embed, Access::with_key},
    {"/hawser.v1.Llm/ListModels", list_models, Access::with_key},
    {"/grpc.health.v1.Health/Check", check_health, Access::anyone},
    {"/grpc.health.v1.Health/Watch", watch_health, Access::anyone},
    {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", reflect_v1,
     Access::where_reflection_is_on},
    {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", reflect_v1alpha,
     Access::where_reflection_is_on},
};

Error unknown_key(const wire::RequestHead& head) {
  for (const std::string_view name : key_headers) {
    if (head.find(name) == nullptr) continue;
    return {.code = Code::authentication, .message = "Incorrect API key provided."};
  }
  return {.code = Code::authentication, .message = "You didn't provide an API key."};
}

/// A refusal in front of the pipeline is counted and logged as one of a stage is.
void record_refusal(Services& services, const CallHead& head, std::string_view peer,
                    const Error& error) {
  const int status = dialect::status_of(error);
  services.shard.add(services.metrics.requests(status));
  services.shard.add(services.metrics.errors[static_cast<std::size_t>(error.code)]);
  telemetry::AccessRecord record;
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  record.time_us = std::chrono::duration_cast<std::chrono::microseconds>(wall).count();
  const std::string id(services.ids.next());
  record.request_id = id;
  record.client = peer;
  record.method = "POST";
  record.path = head.path;
  record.status = status;
  record.error = name_of(error.code);
  services.access_log.write(record);
}

}  // namespace

Admission admit(Services& services, const CallHead& head, std::string_view peer) {
  constexpr std::size_t small_message_max = 4096;  // of those whose key nobody asks for
  const auto refuse = [&](const Error& error, Ending ending) {
    record_refusal(services, head, peer, error);
    return Admission{.refusal = std::move(ending)};
  };
  const auto* const named =
      std::find_if(std::begin(methods), std::end(methods),
                   [&head](const Named& method) { return method.path == head.path; });
  const bool known =
      named != std::end(methods) &&
      (named->access != Access::where_reflection_is_on || services.config.reflection);
  if (!known) {
    return refuse({.code = Code::not_found},
                  {Status::unimplemented, "unknown method " + head.path.substr(0, 128)});
  }
  if (named->access != Access::with_key) return {named->method, small_message_max, {}, {}};
  wire::RequestHead fields;
  for (const auto& [name, value] : head.metadata) fields.fields.push_back({name, value});
  auto client = services.client_of(fields, head.client_names);
  if (!client) {
    const Error error = unknown_key(fields);
    return refuse(error, ending_of(error));
  }
  return {named->method, services.config.message_max.count(), std::move(*client), {}};
}

}  // namespace hawser::front::grpc
