#pragma once

#include <atomic>

#include "base/reconnect_backoff.hpp"
#include "calls.hpp"
#include "credential.hpp"
#include "transport.hpp"

namespace hawser::sdk {

/// Calls over HTTP/1.1; streams are server-sent events.
class HttpCalls final : public Calls {
 public:
  /// @param options     without its key
  HttpCalls(const ClientOptions& options, const Url& url, const Dial& dial, Credential& credential,
            Chance& chance);

  Outcome<CallInfo> run(const Request& request, const Sink& sink,
                        const CancelToken* cancel) override;

 private:
  struct Answer {
    std::unique_ptr<Exchange> exchange{};
    CallInfo info{};
    Clock::time_point deadline{};
    std::chrono::milliseconds silence_max{};  // of its stream, before it counts as broken
  };
  Outcome<Answer> begin(const Request& request, const CancelToken* cancel);
  bool reconnects(const ApiError& error, Clock::time_point broke_at) const;
  Outcome<std::unique_ptr<Exchange>> try_once(const Request& request, int retry,
                                              const Headers& more, Clock::time_point deadline,
                                              const CancelToken* cancel);
  Outcome<CallInfo> read_content(Answer answer, const Sink& sink);
  Outcome<CallInfo> read_events(Answer answer, const Sink& sink, const CancelToken* cancel);
  Io read_some(Answer& answer, std::string& bytes, bool& ended, Silence& silence) const;
  /// Where a stream is, should it break.
  struct Place {
    std::string generation{};
    std::string last{};  // id of the last event
    ReconnectBackoff backoff{};
  };
  std::optional<ApiError> take_up(Answer& answer, Place& place, Silence& silence,
                                  const CancelToken* cancel);
  std::chrono::milliseconds silence_of(const Exchange& exchange) const;
  Headers naming(const Request& request) const;
  std::string head_of(const Request& request, int retry, const Headers& more,
                      std::string_view token) const;
  Io read_all(Exchange& exchange, std::string& body, Clock::time_point deadline);
  Clock::time_point silence(Clock::time_point deadline) const {
    return std::min(deadline, Clock::now() + options_.idle_timeout);
  }

  const ClientOptions& options_;
  Connector connector_;
  Credential& credential_;
  Chance& chance_;
  std::atomic<bool> hawser_{false};  // a gateway of ours answers there
};

}  // namespace hawser::sdk
