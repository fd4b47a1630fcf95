#pragma once

#include <nghttp2/nghttp2.h>

#include <mutex>

#include "calls.hpp"
#include "credential.hpp"
#include "transport.hpp"

namespace hawser::sdk {

/// Calls over gRPC (hawser.v1) to a Hawser gateway: chat completions, responses and messages,
/// streamed or not, embeddings and models. Streams that break are taken up again.
/// What is asked of a gRPC server.
struct GrpcCall {
  std::string method{};   // "StreamGenerate"
  std::string message{};  // serialized
  bool streams = false;
};

class GrpcCalls final : public Calls {
 public:
  GrpcCalls(const ClientOptions& options, const Url& url, const Dial& dial, Credential& credential,
            Chance& chance);
  ~GrpcCalls() override;

  Outcome<CallInfo> run(const Request& request, const Sink& sink,
                        const CancelToken* cancel) override;

 private:
  /// One connection; one call at a time runs on it.
  struct Channel;
  struct Reply;
  enum class Ended : std::uint8_t { whole, broken, stopped };
  /// Nothing: that path has no method.
  static std::optional<GrpcCall> translate(const Request& request, const std::string& key);
  std::unique_ptr<Channel> open(Clock::time_point deadline, const CancelToken* cancel,
                                ApiError& error);
  Ended call(Channel& channel, const GrpcCall& asked, Reply& reply, Clock::time_point deadline,
             Silence& silence, const CancelToken* cancel);
  Io converse(Channel& channel, Reply& reply, Clock::time_point deadline, Silence& silence) const;
  Headers metadata(const Request& request, std::string_view token) const;

  const ClientOptions& options_;
  Connector connector_;
  Credential& credential_;
  Chance& chance_;
  std::mutex mutex_;  // of kept_
  std::vector<std::unique_ptr<Channel>> kept_;
};

}  // namespace hawser::sdk
