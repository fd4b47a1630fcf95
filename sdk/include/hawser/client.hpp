#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hawser/error.hpp"

/// The client of Hawser, and of any provider that speaks OpenAI's API.
namespace hawser {

/// Retries before the first content: connection errors, 408, 409, 429 and 5xx, as the official SDKs
/// do it; the server's x-should-retry, retry-after-ms and retry-after (up to a minute) win.
struct RetryOptions {
  int retries_max = 2;
  std::chrono::milliseconds wait_min{500};
  std::chrono::milliseconds wait_max{8'000};
  double multiplier = 2.0;
  double jitter = 0.25;  // share of each wait that is left to chance
};

/// How calls travel. `sse` works with every provider; `ws` and `grpc` need a Hawser gateway and
/// keep one connection for all calls.
enum class Transport : std::uint8_t { sse, ws, grpc };

/// OAuth 2.0 client credentials (RFC 6749, 4.4) in place of a key: the token is fetched when it is
/// first needed, kept, and renewed before its end.
struct OAuthOptions {
  std::string token_url{};  // empty: no OAuth
  std::string client_id{};
  std::string client_secret{};  // never printed
  std::string scope{};
};

/// What became of the connection that Transport::ws keeps. For logs: `reason` may hold words of the
/// other side.
struct ConnectionEvent {
  enum class Kind : std::uint8_t {
    connected,  // calls go over it
    lost,       // or could not be made
    refused,    // the gateway does not know the key
    blocked,    // no WebSocket gets through: calls go over HTTPS for a while
    replaced,   // the gateway asked for another one
  };
  Kind kind = Kind::lost;
  std::string reason{};
  std::chrono::milliseconds next_try{0};  // of lost, while calls wait
  int calls = 0;                          // that wait for it, or are taken up on it
};

struct ClientOptions {
  Transport transport = Transport::sse;
  /// Empty: $HAWSER_BASE_URL, $OPENAI_BASE_URL, then http://127.0.0.1:8080/v1.
  std::string base_url{};
  /// Empty: $HAWSER_API_KEY, then $OPENAI_API_KEY. Never printed.
  std::string api_key{};
  std::string organization{};
  std::string project{};
  OAuthOptions oauth{};
  std::string ca_file{};  // PEM; empty: the system's roots
  /// SHA-256 of public keys (SPKI), "sha256/BASE64": one in the server's chain must match. Empty:
  /// any.
  std::vector<std::string> pins{};
  /// http://[USER:PASSWORD@]HOST:PORT, by CONNECT; empty: $HTTPS_PROXY or $HTTP_PROXY unless
  /// $NO_PROXY names the host; "direct": none.
  std::string proxy{};
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds idle_timeout{60'000};  // silence of an answer, not its whole length
  std::chrono::milliseconds total_timeout{600'000};
  /// How long a call whose answer has not begun waits for a Hawser gateway to be reached again, or
  /// for the first time where `transport` is `ws`.
  std::chrono::milliseconds reconnect_timeout{20'000};
  RetryOptions retry{};
  /// Against a Hawser gateway a stream that breaks is taken up where it broke, until it ends or
  /// total_timeout is over. Nothing is generated or paid for twice.
  bool resume = true;
  std::vector<std::pair<std::string, std::string>> headers{};
  /// Called on a thread of the client's own; it must not call the client.
  std::function<void(const ConnectionEvent&)> on_connection{};
};

struct Message {
  std::string role;
  std::string content;
};

struct ChatRequest {
  std::string model;
  std::vector<Message> messages;
  int max_tokens = 0;       // 0: the provider's default
  double temperature = -1;  // below 0: the provider's default
};

/// How a call went.
struct CallInfo {
  std::string request_id{};
  std::string target{};  // who answered, when a gateway tells
  int attempts = 1;      // ours
  int resumes = 0;       // times that a stream was taken up again
};

struct ChatAnswer {
  std::string text{};
  std::string finish_reason{};
  long long prompt_tokens = -1;  // -1: not told
  long long completion_tokens = -1;
  CallInfo info{};
};

/// A text, or whole items as a JSON array, in the form of OpenAI's Responses API.
struct ResponseRequest {
  std::string model;
  std::string input;         // a text
  std::string input_json{};  // in place of it: a JSON array of items
  std::string instructions{};
  std::string previous_response_id{};
  int max_output_tokens = 0;  // 0: the provider's default
};

struct ResponseAnswer {
  std::string id{};
  std::string status{};
  std::string text{};
  long long input_tokens = -1;  // -1: not told
  long long output_tokens = -1;
  CallInfo info{};
};

struct EmbeddingAnswer {
  std::vector<std::vector<float>> vectors{};  // one for each input, in their order
  long long prompt_tokens = -1;
  CallInfo info{};
};

/// One event of a stream as the provider sent it.
struct StreamEvent {
  std::string_view name{};  // "event:"; empty: none
  std::string_view data{};
};

/// Any streamed or plain call, for programs that pass it on. Each function is called on the
/// thread of the call; false ends it.
struct RawCall {
  std::string method = "POST";
  /// Behind the base URL: "/chat/completions"; Gemini's calls beside it: "/v1beta/models/...".
  std::string path{};
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};
  using Headers = std::vector<std::pair<std::string, std::string>>;
  std::function<bool(int status, const Headers&)> on_head{};
  std::function<bool(const StreamEvent&)> on_event{};  // of an event stream
  std::function<bool(std::string_view)> on_content{};  // of any other content
  /// Called whenever nothing came for `silence`, also while the gateway is away; 0: never.
  std::function<bool()> on_silence{};
  std::chrono::milliseconds silence{0};
};

struct RawAnswer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  CallInfo info{};
};

/// Ends a call from another thread or a signal handler.
class CancelToken {
 public:
  CancelToken();
  ~CancelToken();
  CancelToken(const CancelToken&) = delete;
  CancelToken& operator=(const CancelToken&) = delete;
  /// Async-signal-safe. Calls under way, and later ones, end with ErrorType::cancelled.
  void cancel() noexcept;
  bool cancelled() const noexcept;
  /// A descriptor that is readable once cancelled.
  int descriptor() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

/// A connection to a gateway or provider. Thread-safe; keeps connections alive between calls.
class Client {
 public:
  /// @throws std::invalid_argument for a malformed base URL
  explicit Client(ClientOptions options = {});
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  /// Asks and waits for the whole answer.
  Outcome<ChatAnswer> chat(const ChatRequest& request, const CancelToken* cancel = nullptr);

  /// Streams an answer: `on_text` is called on this thread with each piece; false ends the call. An
  /// answer that breaks off is an error, never a short answer.
  Outcome<ChatAnswer> chat_stream(const ChatRequest& request,
                                  const std::function<bool(std::string_view)>& on_text,
                                  const CancelToken* cancel = nullptr);

  /// OpenAI's Responses API, whole or streamed.
  Outcome<ResponseAnswer> response(const ResponseRequest& request,
                                   const CancelToken* cancel = nullptr);
  Outcome<ResponseAnswer> response_stream(const ResponseRequest& request,
                                          const std::function<bool(std::string_view)>& on_text,
                                          const CancelToken* cancel = nullptr);

  Outcome<EmbeddingAnswer> embed(std::string_view model, const std::vector<std::string>& inputs,
                                 const CancelToken* cancel = nullptr);
  /// The names of the models that may be asked for.
  Outcome<std::vector<std::string>> models(const CancelToken* cancel = nullptr);

  /// Passes any call on: answers of 400 and above are answers, not failures. Streams are taken up
  /// again like all others.
  Outcome<CallInfo> pass(const RawCall& call, const CancelToken* cancel = nullptr);

  /// Any call: `path` behind the base URL ("/embeddings"), `body` as JSON or empty.
  Outcome<RawAnswer> raw(std::string_view method, std::string_view path, std::string_view body,
                         const CancelToken* cancel = nullptr);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hawser
