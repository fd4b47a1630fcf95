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
  void lose_client();

 private:
  Task<Result<>> load(Request& request) override;

  Given given_;
  wire::RequestHead head_;
  net::Cancellation cancellation_;
  Exchange exchange_;
};

/// What it takes to make the same request again, as it stands now.
Call::Given copy_request(const Exchange& exchange);

/// What the stages decided about an exchange. Every further call that is made for it (a hedge, a
/// second call, a reattachment) is made here, so that none goes out without what binds the first.
class Decided {
 public:
  explicit Decided(const Exchange& exchange);

  /// @param notes  of the exchange; null: the call is not noted as a try of its own
  std::unique_ptr<Call> call(Call::Given given, Clock::time_point arrived, NotesPtr notes) const;

 private:
  std::shared_ptr<const Pipeline> pipeline_;  // keeps what the others point to
  const Principal* principal_;
  std::string_view public_model_;
  const policy::Timeouts* timeouts_;
  Residency residency_;
  bool own_limits_;  // the client hears of the gateway's limits, not of the provider's
};

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
