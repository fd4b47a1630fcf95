#include "front/grpc/asking.hpp"

#include "base/credential_headers.hpp"
#include "exchange/frame_fields.hpp"
#include "wire/sse.hpp"

namespace hawser::front::grpc {

namespace v1 = hawser::v1;
using exchange::AnswerReader;

Error malformed() {
  return {.code = Code::invalid_request, .message = "The message is not what this method takes."};
}

exchange::Call::Given call_of(Services& services, const CallHead& head, std::string_view peer,
                              std::string method, Asked asked) {
  exchange::Call::Given out;
  out.id = services.ids.next();
  out.method = std::move(method);
  out.target = std::move(asked.target);
  out.body = std::move(asked.body);
  out.client_address = peer;
  out.client_names = head.client_names;
  for (const auto& [name, value] : head.metadata) {
    const bool ours = name.starts_with("x-") && !name.ends_with("-bin");
    if (is_key_header(name) || ours) out.fields.emplace_back(name, value);
  }
  if (!out.body.empty()) out.fields.emplace_back("content-type", "application/json");
  return out;
}

Result<exchange::Call::Given> generation_of(Services& services, const CallHead& head,
                                            std::string_view peer,
                                            const v1::GenerateRequest& request, bool stream) {
  auto asked = encode(request, stream);
  if (!asked) return asked.error();
  exchange::FieldList fields;
  for (const auto& [name, value] : request.headers()) {
    const auto added = exchange::add_frame_field(fields, head.metadata, name, value);
    if (!added) return added.error();
  }
  if (const std::string& key = request.idempotency_key(); !key.empty()) {
    const auto added = exchange::add_frame_field(fields, {}, "idempotency-key", key);
    if (!added) return added.error();
  }
  auto given = call_of(services, head, peer, "POST", std::move(*asked));
  for (auto& field : fields) given.fields.push_back(std::move(field));
  return given;
}

namespace {

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
      // A status cannot say it before the events that came.
      const bool heard = co_await sink.event(event);
      co_return heard ? ending_of(error) : Ending{.status = Status::cancelled};
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
      if (!co_await sink.event(event)) {
        asking.fail({.code = Code::cancelled, .message = "the client is gone"});
        co_return Ending{.status = Status::cancelled};
      }
    }
  }
  asking.trail().usage.set(answer.usage());
  answer.delivered();
  co_return Ending{};
}

}  // namespace

/// A refusal that the provider or a stage answered with; nothing where it is no refusal.
Task<std::optional<Ending>> refusal(Asking& asking) {
  const int status = asking.answer().head().status;
  if (status < 400) co_return std::nullopt;
  const std::string wait = asking.header("retry-after");
  const auto body = co_await asking.whole();
  co_return std::optional<Ending>(ending_of(status, body ? *body : "", wait));
}

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

}  // namespace hawser::front::grpc
