#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "exchange/stage.hpp"

namespace hawser::exchange {

/// A request that did not come as HTTP/1.1 itself: a frame of a tunnel, a message of gRPC. It goes
/// the same way as all others and owns its bytes.
class Call final : private RequestBody {
 public:
  struct Given {
    std::string id{};  // of the request
    std::string method{};
    std::string target{};                                       // "/v1/chat/completions?x=y"
    std::vector<std::pair<std::string, std::string>> fields{};  // nothing hop-by-hop, no length
    std::string body{};
    std::string client_address{};
    std::vector<std::string> client_names{};  // of its verified certificate
  };
  explicit Call(Given given, Clock::time_point now);

  Exchange& exchange() { return exchange_; }
  /// The client wants no answer any more: what is waited for ends.
  void cancel() { cancellation_.cancel(); }
  /// The client's connection is lost: whether the answer is made on is the pipeline's to say.
  void lose_client() { exchange_.lose_client(); }

 private:
  Task<Result<>> load(Request& request) override;

  Given given_;
  wire::RequestHead head_;
  net::Cancellation cancellation_;
  Exchange exchange_;
};

/// What it takes to make the same request again, as it stands now: one that goes through all
/// stages. What calls a provider for the same exchange is stage::attempt::AttemptRequest.
Call::Given copy_request(const Exchange& exchange);
/// @param path  canonical, without its query
Call::Given copy_request(const Request& request, std::string_view id, std::string_view path);

/// Has a head and a request say what `given` does. Both are views of it, and of each other.
void describe(const Call::Given& given, wire::RequestHead& head, Request& request);

/// The content of an answer, recorded or passing by, as runs of events or of bytes.
class AnswerReader {
 public:
  explicit AnswerReader(generation::GenerationPtr answer) : answer_(std::move(answer)) {}

  generation::AnswerHead& head() { return answer_->head(); }
  /// Null for content that passes by: it cannot be taken up again.
  generation::Reader* reader() { return answer_->reader(); }

  /// Waits for the next run; it lives until the next call. Of an event stream: whole frames.
  Task<Result<generation::Batch>> next();
  dialect::Usage usage() const;
  /// The transport wrote the last one.
  void delivered();
  /// By its owner's will: stops the generation at its provider, unless others read it.
  void cancel();

 private:
  generation::GenerationPtr answer_;
  std::uint64_t seq_ = 0;
};

}  // namespace hawser::exchange
