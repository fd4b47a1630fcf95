#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "dialect/error_body.hpp"
#include "front/grpc/service.hpp"
#include "wire/http1.hpp"

namespace hawser::front::grpc {

Error malformed();

/// What a call asks of the pipeline, with what its head says: key, x- fields.
exchange::Call::Given call_of(Services& services, const CallHead& head, std::string_view peer,
                              std::string method, Asked asked);
/// The same of a request for a generation, with the headers that it names.
/// Errors: invalid_request
Result<exchange::Call::Given> generation_of(Services& services, const CallHead& head,
                                            std::string_view peer,
                                            const hawser::v1::GenerateRequest& request,
                                            bool stream);

/// An exchange of a call, and its answer.
class Asking {
 public:
  Asking(Services& services, const RpcPtr& rpc, exchange::Call::Given given)
      : rpc_(rpc), services_(services), call_(std::move(given), services.reactor.now()) {}

  /// Waits for the answer. Once it is there its client's going ends it, as its protocol says.
  Task<Result<>> begin() {
    watch();
    if (rpc_->over() != Rpc::Over::no) {
      co_return Error{.code = Code::cancelled, .message = "cancelled"};
    }
    auto answer = co_await exchange::Pipeline::run(services_.pipeline, call_.exchange());
    rpc_->head_fields = std::move(call_.exchange().answer_fields);
    if (!answer) co_return fail(answer.error());
    answer_ = std::make_unique<exchange::AnswerReader>(std::move(*answer));
    if (rpc_->over() == Rpc::Over::cancelled || rpc_->over() == Rpc::Over::late) answer_->cancel();
    auto& trail = call_.exchange().trail;
    trail.status = answer_->head().status;
    trail.first_content = Clock::now();
    co_return Result<>();
  }
  exchange::AnswerReader& answer() { return *answer_; }
  dialect::Api api() { return call_.exchange().request.endpoint.api; }
  exchange::Trail& trail() { return call_.exchange().trail; }

  Error fail(const Error& error) {
    auto& at = call_.exchange().trail;
    at.error = error.code;
    if (at.status == 0) at.status = dialect::status_of(error);
    return error;
  }

  static constexpr std::size_t whole_max = 64 * 1024 * 1024;  // of an answer that is read whole

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
    trail().usage.set(answer_->usage());
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

  RpcPtr rpc_;
  const Services& services_;
  exchange::Call call_;
  std::unique_ptr<exchange::AnswerReader> answer_;

 public:
  ~Asking() { rpc_->on_over = nullptr; }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;
};

/// Where events of a generation go.
class EventSink {
 public:
  virtual ~EventSink() = default;
  /// Sends it, as soon as the client took enough of those before it. False: the client is gone.
  virtual Task<bool> event(const hawser::v1::Event& event) = 0;
};

/// Waits for the answer and sends its events. @return how it ended
Task<Ending> run_events(Asking& asking, EventSink& sink);

/// A refusal that the provider or a stage answered with; nothing where it is no refusal.
Task<std::optional<Ending>> refusal(Asking& asking);

/// Where the rest of a generation is asked for.
std::string resume_target(const hawser::v1::ResumeRequest& request);

/// hawser.v1.Llm/Tunnel.
Task<> tunnel(Services& services, RpcPtr rpc, std::string_view peer);

}  // namespace hawser::front::grpc
