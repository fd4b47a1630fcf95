#include "hawser/client.hpp"

#include <openssl/crypto.h>

#include <cstdlib>
#include <stdexcept>

#include "chat.hpp"
#include "grpc_calls.hpp"
#include "http_calls.hpp"
#include "tunnel_calls.hpp"

namespace hawser {

using sdk::Clock;

namespace {

std::string first_set(std::initializer_list<const char*> variables, std::string otherwise) {
  for (const char* variable : variables) {
    const char* value = std::getenv(variable);
    if (value != nullptr && *value != '\0') return value;
  }
  return otherwise;
}

/// The options without their secrets, which are the credential's.
ClientOptions without_secrets(ClientOptions& given) {
  given.api_key.clear();
  given.oauth = {};
  return std::move(given);
}

sdk::Credential make_credential(ClientOptions& options, const sdk::Dial& dial) {
  std::string key = std::move(options.api_key);
  if (key.empty()) key = first_set({"HAWSER_API_KEY", "OPENAI_API_KEY"}, "");
  return {std::move(key), std::move(options.oauth), dial};
}

ApiError not_understood(int status) {
  auto error = sdk::make_error(ErrorType::upstream, "the answer is not what this call answers");
  error.status = status;
  return error;
}

}  // namespace

struct Client::Impl {
  sdk::Dial dial;
  sdk::Url url;
  sdk::Chance chance;
  sdk::Credential credential;
  ClientOptions options;
  sdk::HttpCalls http;
  std::unique_ptr<sdk::Calls> other;  // ws, grpc

  explicit Impl(ClientOptions given)
      : dial{given.ca_file, given.pins, given.proxy, given.transport == Transport::grpc},
        url(sdk::parse_url(
            given.base_url.empty()
                ? first_set({"HAWSER_BASE_URL", "OPENAI_BASE_URL"}, "http://127.0.0.1:8080/v1")
                : given.base_url)),
        credential(make_credential(given, dial)),
        options(without_secrets(given)),
        http(options, url, dial, credential, chance) {
    if (options.transport == Transport::ws) {
      other = std::make_unique<sdk::TunnelCalls>(options, url, dial, credential, chance, http);
    }
    if (options.transport == Transport::grpc) {
      other = std::make_unique<sdk::GrpcCalls>(options, url, dial, credential, chance);
    }
  }

  sdk::Calls& calls() { return other ? *other : http; }
  Outcome<RawAnswer> whole(const sdk::Request& request, const CancelToken* cancel);
  template <class Answer>
  Outcome<Answer> ask(std::string_view path, std::string_view body, const CancelToken* cancel);
  template <class Answer>
  Outcome<Answer> stream(std::string_view path, std::string_view body,
                         const std::function<bool(std::string_view)>& on_text,
                         const CancelToken* cancel);
};

Outcome<RawAnswer> Client::Impl::whole(const sdk::Request& request, const CancelToken* cancel) {
  RawAnswer answer;
  const sdk::Sink sink{.head =
                           [&](int status, const sdk::Headers& headers) {
                             answer.status = status;
                             answer.headers = headers;
                             return true;
                           },
                       .event =
                           [&](const StreamEvent& event) {
                             if (!event.name.empty())
                               answer.body.append("event: ").append(event.name).append("\n");
                             answer.body.append("data: ").append(event.data).append("\n\n");
                             return true;
                           },
                       .content =
                           [&](std::string_view bytes) {
                             answer.body.append(bytes);
                             return true;
                           }};
  auto ran = calls().run(request, sink, cancel);
  if (!ran) return ran.error();
  answer.info = *ran;
  return answer;
}

template <class Answer>
Outcome<Answer> Client::Impl::ask(std::string_view path, std::string_view body,
                                  const CancelToken* cancel) {
  auto got = whole({.method = "POST", .path = path, .body = body}, cancel);
  if (!got) return got.error();
  Answer answer;
  if (!sdk::read(got->body, answer)) return not_understood(got->status);
  answer.info = got->info;
  return answer;
}

/// An answer that breaks off, or ends without its last event, is an error.
template <class Answer>
Outcome<Answer> Client::Impl::stream(std::string_view path, std::string_view body,
                                     const std::function<bool(std::string_view)>& on_text,
                                     const CancelToken* cancel) {
  Answer answer;
  std::optional<ApiError> error;
  bool whole_answer = false, stopped = false;
  std::string plain;
  const sdk::Sink sink{.head = {},
                       .event =
                           [&](const StreamEvent& event) {
                             if (whole_answer) return true;
                             sdk::Taken taken = sdk::take_event(event, answer);
                             whole_answer = taken.last;
                             error = std::move(taken.error);
                             if (error) return false;
                             stopped = !taken.text.empty() && !on_text(taken.text);
                             return !stopped;
                           },
                       .content =
                           [&](std::string_view bytes) {
                             plain.append(bytes);
                             return true;
                           }};
  auto ran = calls().run({.method = "POST", .path = path, .body = body}, sink, cancel);
  if (stopped) return sdk::cancelled_error();
  if (error) return *error;
  if (!ran) return ran.error();
  if constexpr (std::is_same_v<Answer, ChatAnswer>) {
    whole_answer = whole_answer || !answer.finish_reason.empty();
  }
  if (!whole_answer) {
    auto early = sdk::make_error(ErrorType::connection, "the stream ended early");
    early.request_id = ran->request_id;
    return early;
  }
  answer.info = *ran;
  return answer;
}

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

Outcome<ChatAnswer> Client::chat(const ChatRequest& request, const CancelToken* cancel) {
  return impl_->ask<ChatAnswer>("/chat/completions", sdk::encode(request, false), cancel);
}

Outcome<ChatAnswer> Client::chat_stream(const ChatRequest& request,
                                        const std::function<bool(std::string_view)>& on_text,
                                        const CancelToken* cancel) {
  return impl_->stream<ChatAnswer>("/chat/completions", sdk::encode(request, true), on_text,
                                   cancel);
}

Outcome<ResponseAnswer> Client::response(const ResponseRequest& request,
                                         const CancelToken* cancel) {
  return impl_->ask<ResponseAnswer>("/responses", sdk::encode(request, false), cancel);
}

Outcome<ResponseAnswer> Client::response_stream(
    const ResponseRequest& request, const std::function<bool(std::string_view)>& on_text,
    const CancelToken* cancel) {
  return impl_->stream<ResponseAnswer>("/responses", sdk::encode(request, true), on_text, cancel);
}

Outcome<EmbeddingAnswer> Client::embed(std::string_view model,
                                       const std::vector<std::string>& inputs,
                                       const CancelToken* cancel) {
  return impl_->ask<EmbeddingAnswer>("/embeddings", sdk::encode_embedding(model, inputs), cancel);
}

Outcome<std::vector<std::string>> Client::models(const CancelToken* cancel) {
  auto got = raw("GET", "/models", "", cancel);
  if (!got) return got.error();
  std::vector<std::string> names;
  if (!sdk::read_models(got->body, names)) return not_understood(got->status);
  return names;
}

Outcome<CallInfo> Client::pass(const RawCall& call, const CancelToken* cancel) {
  const sdk::Sink sink{call.on_head, call.on_event, call.on_content, call.on_silence, call.silence};
  return impl_->calls().run({.method = call.method,
                             .path = call.path,
                             .body = call.body,
                             .headers = &call.headers,
                             .pass_refusals = true},
                            sink, cancel);
}

Outcome<RawAnswer> Client::raw(std::string_view method, std::string_view path,
                               std::string_view body, const CancelToken* cancel) {
  return impl_->whole({.method = method, .path = path, .body = body}, cancel);
}

}  // namespace hawser
