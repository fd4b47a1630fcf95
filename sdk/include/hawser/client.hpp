#pragma once

#include <chrono>
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

struct ClientOptions {
  /// Empty: $HAWSER_BASE_URL, $OPENAI_BASE_URL, then http://127.0.0.1:8080/v1.
  std::string base_url{};
  /// Empty: $HAWSER_API_KEY, then $OPENAI_API_KEY. Never printed.
  std::string api_key{};
  std::string organization{};
  std::string project{};
  std::string ca_file{};  // PEM; empty: the system's roots
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds idle_timeout{60'000};  // silence of an answer, not its whole length
  std::chrono::milliseconds total_timeout{600'000};
  RetryOptions retry{};
  std::vector<std::pair<std::string, std::string>> headers{};
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
};

struct ChatAnswer {
  std::string text{};
  std::string finish_reason{};
  long long prompt_tokens = -1;  // -1: not told
  long long completion_tokens = -1;
  CallInfo info{};
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

  /// Any call: `path` behind the base URL ("/embeddings"), `body` as JSON or empty.
  Outcome<RawAnswer> raw(std::string_view method, std::string_view path, std::string_view body,
                         const CancelToken* cancel = nullptr);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hawser
