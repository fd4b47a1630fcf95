#include "hawser/client.hpp"

#include <openssl/crypto.h>
#include <poll.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <random>

#include "retry.hpp"
#include "transport.hpp"
#include "wire/sse.hpp"

namespace hawser {

namespace json = boost::json;
using sdk::Clock;
using sdk::Io;

namespace {

constexpr std::size_t event_max = 16 * 1024 * 1024;

std::string first_set(std::initializer_list<const char*> variables, std::string otherwise) {
  for (const char* variable : variables) {
    const char* value = std::getenv(variable);
    if (value != nullptr && *value != '\0') return value;
  }
  return otherwise;
}

ApiError error_of(Io status, std::string message) {
  ApiError error;
  error.type = status == Io::timeout     ? ErrorType::timeout
               : status == Io::cancelled ? ErrorType::cancelled
                                         : ErrorType::connection;
  error.message = status == Io::timeout     ? "the server took too long"
                  : status == Io::cancelled ? "cancelled"
                                            : std::move(message);
  return error;
}

std::string text_member(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return {};
  return std::string(value->get_string());
}

/// Fills message and code from {"error":{...}} in OpenAI's or Anthropic's form.
void read_error(std::string_view body, ApiError& error) {
  boost::system::error_code bad;
  const json::value parsed = json::parse(body, bad);
  const auto* object = bad ? nullptr : parsed.if_object();
  const auto* inner = object == nullptr ? nullptr : object->if_contains("error");
  if (inner != nullptr && inner->is_object()) {
    error.message = text_member(inner->get_object(), "message");
    error.code = text_member(inner->get_object(), "code");
    if (error.code == "content_filter") error.type = ErrorType::filtered;
    for (const auto type :
         {ErrorType::connection, ErrorType::timeout, ErrorType::upstream, ErrorType::overloaded}) {
      if (error.code == to_string(type)) error.type = type;
    }
  } else if (inner != nullptr && inner->is_string()) {
    error.message = std::string(inner->get_string());
  }
  if (error.message.empty()) error.message = "HTTP status " + std::to_string(error.status);
}

std::string encode(const ChatRequest& request, bool stream) {
  json::array messages;
  for (const auto& message : request.messages) {
    messages.push_back({{"role", message.role}, {"content", message.content}});
  }
  json::object body{{"model", request.model}, {"messages", std::move(messages)}};
  if (request.max_tokens > 0) body["max_tokens"] = request.max_tokens;
  if (request.temperature >= 0) body["temperature"] = request.temperature;
  if (stream) {
    body["stream"] = true;
    body["stream_options"] = {{"include_usage", true}};
  }
  return json::serialize(body);
}

void read_usage(const json::object& chunk, ChatAnswer& answer) {
  const auto* usage = chunk.if_contains("usage");
  if (usage == nullptr || !usage->is_object()) return;
  const auto number = [&](const char* name) -> long long {
    const auto* value = usage->get_object().if_contains(name);
    return value != nullptr && value->is_int64() ? value->get_int64() : -1;
  };
  answer.prompt_tokens = number("prompt_tokens");
  answer.completion_tokens = number("completion_tokens");
}

/// Reads one choice's text, whole ("message") or a piece ("delta").
std::string read_choice(const json::object& body, const char* where, ChatAnswer& answer) {
  const auto* choices = body.if_contains("choices");
  if (choices == nullptr || !choices->is_array() || choices->get_array().empty()) return {};
  const auto* choice = choices->get_array().front().if_object();
  if (choice == nullptr) return {};
  const std::string finish = text_member(*choice, "finish_reason");
  if (!finish.empty()) answer.finish_reason = finish;
  const auto* message = choice->if_contains(where);
  if (message == nullptr || !message->is_object()) return {};
  return text_member(message->get_object(), "content");
}

}  // namespace

struct Client::Impl {
  ClientOptions options;
  std::string credential;
  sdk::Connector connector;
  std::mt19937_64 random{std::random_device{}()};
  std::mutex random_mutex;

  explicit Impl(ClientOptions given)
      : options(std::move(given)),
        connector(sdk::parse_url(options.base_url.empty()
                                     ? first_set({"HAWSER_BASE_URL", "OPENAI_BASE_URL"},
                                                 "http://127.0.0.1:8080/v1")
                                     : options.base_url),
                  options.ca_file) {
    credential = options.api_key.empty() ? first_set({"HAWSER_API_KEY", "OPENAI_API_KEY"}, "")
                                         : options.api_key;
    OPENSSL_cleanse(options.api_key.data(), options.api_key.size());
    options.api_key.clear();
  }
  ~Impl() { OPENSSL_cleanse(credential.data(), credential.size()); }

  struct Sent {
    std::unique_ptr<sdk::Exchange> exchange;
    CallInfo info;
    Clock::time_point deadline;
  };

  std::string head_of(std::string_view method, std::string_view path, std::size_t size,
                      int retry) const;
  Outcome<Sent> call(std::string_view method, std::string_view path, std::string_view body,
                     const CancelToken* cancel);
  Outcome<std::unique_ptr<sdk::Exchange>> try_once(std::string_view method, std::string_view head,
                                                   std::string_view body,
                                                   Clock::time_point deadline,
                                                   const CancelToken* cancel);
  Io read_all(sdk::Exchange& exchange, std::string& body, Clock::time_point deadline);
  bool pause(std::chrono::milliseconds wait, const CancelToken* cancel);
  double chance() {
    const std::lock_guard lock(random_mutex);
    return std::uniform_real_distribution<double>(0, 1)(random);
  }
};

std::string Client::Impl::head_of(std::string_view method, std::string_view path, std::size_t size,
                                  int retry) const {
  const sdk::Url& url = connector.url();
  std::string head;
  head.append(method).append(" ").append(url.path).append(path).append(" HTTP/1.1\r\nHost: ");
  head.append(url.host).append(":").append(url.port).append("\r\n");
  head.append("User-Agent: hawser-cpp/0.1\r\nAccept: application/json, text/event-stream\r\n");
  if (!credential.empty()) head.append("Authorization: Bearer ").append(credential).append("\r\n");
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) head.append(name).append(": ").append(value).append("\r\n");
  };
  add("OpenAI-Organization", options.organization);
  add("OpenAI-Project", options.project);
  for (const auto& [name, value] : options.headers) add(name, value);
  if (size > 0) {
    head.append("Content-Type: application/json\r\nContent-Length: ");
    head.append(std::to_string(size)).append("\r\n");
  }
  if (retry > 0) add("x-stainless-retry-count", std::to_string(retry));
  return head.append("\r\n");
}

Outcome<std::unique_ptr<sdk::Exchange>> Client::Impl::try_once(std::string_view method,
                                                               std::string_view head,
                                                               std::string_view body,
                                                               Clock::time_point deadline,
                                                               const CancelToken* cancel) {
  for (const bool fresh : {false, true}) {
    const auto connect_by = std::min(deadline, Clock::now() + options.connect_timeout);
    auto opened = connector.open(fresh, connect_by, cancel);
    if (opened.status != Io::ok) return error_of(opened.status, opened.problem);
    const auto answer_by = std::min(deadline, Clock::now() + options.idle_timeout);
    Io status = opened.exchange->send(head, body, answer_by);
    if (status == Io::ok) status = opened.exchange->read_head(method, answer_by);
    if (status == Io::ok) return std::move(opened.exchange);
    // A kept connection that the server had closed meanwhile costs nothing: once more, afresh.
    const bool stale = opened.exchange->reused() && !opened.exchange->answered() &&
                       (status == Io::closed || status == Io::failed);
    if (!stale) return error_of(status, "the connection broke before an answer came");
  }
  return error_of(Io::failed, "the connection broke before an answer came");
}

Io Client::Impl::read_all(sdk::Exchange& exchange, std::string& body, Clock::time_point deadline) {
  for (bool done = false; !done;) {
    const auto by = std::min(deadline, Clock::now() + options.idle_timeout);
    const Io status = exchange.read_body(body, done, by);
    if (status != Io::ok) return status;
  }
  connector.give_back(exchange);
  return Io::ok;
}

bool Client::Impl::pause(std::chrono::milliseconds wait, const CancelToken* cancel) {
  pollfd entry{cancel == nullptr ? -1 : cancel->descriptor(), POLLIN, 0};
  return ::poll(&entry, 1, static_cast<int>(wait.count())) == 0;
}

/// Tries until an answer below 400 comes, or says why none does.
Outcome<Client::Impl::Sent> Client::Impl::call(std::string_view method, std::string_view path,
                                               std::string_view body, const CancelToken* cancel) {
  Sent sent;
  sent.deadline = Clock::now() + options.total_timeout;
  for (int retry = 0;; ++retry) {
    const std::string head = head_of(method, path, body.size(), retry);
    auto tried = try_once(method, head, body, sent.deadline, cancel);
    ApiError error;
    sdk::Answered answered;
    if (tried) {
      sdk::Exchange& exchange = **tried;
      sent.info = {std::string(exchange.header("x-request-id")),
                   std::string(exchange.header("x-hawser-target")), retry + 1};
      answered = {exchange.head().status, exchange.header("x-should-retry"),
                  exchange.header("retry-after-ms"), exchange.header("retry-after")};
      if (answered.status < 400) {
        sent.exchange = std::move(*tried);
        return sent;
      }
      error.status = answered.status;
      error.type = sdk::type_of_status(answered.status);
      error.request_id = sent.info.request_id;
      error.retry_after = sdk::asked_wait(answered, std::chrono::system_clock::now());
      std::string text;
      if (read_all(exchange, text, sent.deadline) != Io::ok) text.clear();
      read_error(text, error);
    } else {
      error = tried.error();
    }
    error.attempts = retry + 1;
    const bool again = retry < options.retry.retries_max && sdk::worth_retrying(answered) &&
                       error.type != ErrorType::cancelled;
    if (!again) return error;
    const auto wait = error.retry_after.value_or(sdk::backoff(options.retry, retry, chance()));
    if (Clock::now() + wait >= sent.deadline) return error;
    if (!pause(wait, cancel)) return error_of(Io::cancelled, "");
  }
}

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

Outcome<RawAnswer> Client::raw(std::string_view method, std::string_view path,
                               std::string_view body, const CancelToken* cancel) {
  auto sent = impl_->call(method, path, body, cancel);
  if (!sent) return sent.error();
  RawAnswer answer;
  answer.status = sent->exchange->head().status;
  for (const auto& field : sent->exchange->head().fields) {
    answer.headers.emplace_back(field.name, field.value);
  }
  answer.info = sent->info;
  const Io status = impl_->read_all(*sent->exchange, answer.body, sent->deadline);
  if (status != Io::ok) return error_of(status, "the answer broke off");
  return answer;
}

Outcome<ChatAnswer> Client::chat(const ChatRequest& request, const CancelToken* cancel) {
  auto got = raw("POST", "/chat/completions", encode(request, false), cancel);
  if (!got) return got.error();
  boost::system::error_code bad;
  const json::value parsed = json::parse(got->body, bad);
  if (bad || !parsed.is_object()) {
    ApiError error;
    error.type = ErrorType::upstream;
    error.status = got->status;
    error.message = "the answer is not JSON";
    return error;
  }
  ChatAnswer answer;
  answer.info = got->info;
  answer.text = read_choice(parsed.get_object(), "message", answer);
  read_usage(parsed.get_object(), answer);
  return answer;
}

namespace {

/// A chat stream being put together from its events.
struct Assembly {
  const std::function<bool(std::string_view)>& on_text;
  ChatAnswer answer{};
  bool done = false;
  bool stopped = false;
  std::optional<ApiError> error{};

  void take(const wire::SseEvent& event) {
    if (done || stopped || error) return;
    if (event.data == "[DONE]") {
      done = true;
      return;
    }
    boost::system::error_code bad;
    const json::value parsed = json::parse(event.data, bad);
    if (bad || !parsed.is_object()) {
      error.emplace();
      error->type = ErrorType::upstream;
      error->message = "an event of the stream is not JSON";
      return;
    }
    const auto& chunk = parsed.get_object();
    if (const auto* inside = chunk.if_contains("error"); inside != nullptr && !inside->is_null()) {
      error.emplace();
      error->type = ErrorType::upstream;
      read_error(event.data, *error);
      return;
    }
    read_usage(chunk, answer);
    const std::string text = read_choice(chunk, "delta", answer);
    answer.text += text;
    if (!text.empty() && !on_text(text)) stopped = true;
  }
};

}  // namespace

Outcome<ChatAnswer> Client::chat_stream(const ChatRequest& request,
                                        const std::function<bool(std::string_view)>& on_text,
                                        const CancelToken* cancel) {
  auto sent = impl_->call("POST", "/chat/completions", encode(request, true), cancel);
  if (!sent) return sent.error();
  Assembly assembly{on_text};
  assembly.answer.info = sent->info;
  wire::SseDecoder decoder(event_max);
  const auto failed = [&](ApiError error) {
    error.request_id = sent->info.request_id;
    error.attempts = sent->info.attempts;
    return error;
  };
  for (bool ended = false; !ended;) {
    std::string bytes;
    const auto by = std::min(sent->deadline, Clock::now() + impl_->options.idle_timeout);
    const Io status = sent->exchange->read_body(bytes, ended, by);
    if (status != Io::ok) return failed(error_of(status, "the stream broke off"));
    const auto fed =
        decoder.feed(bytes, [&](const wire::SseEvent& event) { assembly.take(event); });
    if (!fed) return failed(error_of(Io::failed, fed.error().message));
    if (assembly.error) return failed(*assembly.error);
    if (assembly.stopped) return failed(error_of(Io::cancelled, ""));
  }
  if (!assembly.done && assembly.answer.finish_reason.empty()) {
    return failed(error_of(Io::failed, "the stream ended early"));
  }
  impl_->connector.give_back(*sent->exchange);
  return std::move(assembly.answer);
}

}  // namespace hawser
