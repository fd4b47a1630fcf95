#include "front/grpc/asking.hpp"

#include "wire/sse.hpp"

namespace hawser::front::grpc {

namespace v1 = hawser::v1;
using exchange::AnswerReader;

Error malformed() {
  return {.code = Code::invalid_request, .message = "The message is not what this method takes."};
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
