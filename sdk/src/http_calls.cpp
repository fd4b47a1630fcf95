#include "http_calls.hpp"

#include <algorithm>
#include <charconv>

#include "base/keepalive.hpp"
#include "wire/sse.hpp"

namespace hawser::sdk {
namespace {

constexpr std::size_t event_max = 16 * 1024 * 1024;
constexpr std::string_view heartbeat_field = "x-hawser-heartbeat";

ApiError io_error(Io status, std::string message) {
  if (status == Io::timeout) return make_error(ErrorType::timeout, "the server took too long");
  if (status == Io::cancelled) return cancelled_error();
  return make_error(ErrorType::connection, std::move(message));
}

Headers headers_of(const wire::ResponseHead& head) {
  Headers headers;
  for (const auto& field : head.fields) headers.emplace_back(field.name, field.value);
  return headers;
}

bool is_event_stream(const Exchange& exchange) {
  return exchange.header("content-type").starts_with("text/event-stream");
}

}  // namespace

HttpCalls::HttpCalls(const ClientOptions& options, const Url& url, const Dial& dial,
                     Credential& credential, Chance& chance)
    : options_(options), connector_(url, dial), credential_(credential), chance_(chance) {}

std::string HttpCalls::head_of(const Request& request, int retry, const Headers& more,
                               std::string_view token) const {
  const Url& url = connector_.url();
  std::string head;
  head.append(request.method).append(" ").append(target_below(url, request.path));
  head.append(" HTTP/1.1\r\nHost: ").append(url.host).append(":").append(url.port).append("\r\n");
  head.append("User-Agent: hawser-cpp/0.1\r\n");
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) head.append(name).append(": ").append(value).append("\r\n");
  };
  if (!token.empty()) head.append("Authorization: Bearer ").append(token).append("\r\n");
  add("OpenAI-Organization", options_.organization);
  add("OpenAI-Project", options_.project);
  if (options_.resume) {
    add("x-hawser-resumable", "1");
    add(heartbeat_field, std::to_string(Keepalive::period.count()));
  }
  bool typed = false, accepts = false;
  const auto add_all = [&](const Headers& headers) {
    for (const auto& [name, value] : headers) {
      typed = typed || wire::same_token(name, "content-type");
      accepts = accepts || wire::same_token(name, "accept");
      add(name, value);
    }
  };
  add_all(options_.headers);
  if (request.headers != nullptr) add_all(*request.headers);
  add_all(more);
  if (!accepts) add("Accept", "application/json, text/event-stream");
  if (!request.body.empty()) {
    if (!typed) add("Content-Type", "application/json");
    add("Content-Length", std::to_string(request.body.size()));
  } else if (request.method == "POST") {
    add("Content-Length", "0");
  }
  if (retry > 0) add("x-stainless-retry-count", std::to_string(retry));
  return head.append("\r\n");
}

Outcome<std::unique_ptr<Exchange>> HttpCalls::try_once(const Request& request, int retry,
                                                       const Headers& more,
                                                       Clock::time_point deadline,
                                                       const CancelToken* cancel) {
  auto token = credential_.token(deadline, cancel);
  if (!token) return token.error();
  const std::string head = head_of(request, retry, more, *token);
  for (const bool fresh : {false, true}) {
    const auto connect_by = std::min(deadline, Clock::now() + options_.connect_timeout);
    auto opened = connector_.open(fresh, connect_by, cancel);
    if (opened.status != Io::ok) return io_error(opened.status, opened.problem);
    const auto answer_by = silence(deadline);
    Io status = opened.exchange->send(head, request.body, answer_by);
    // A server that refuses early may answer before it took all.
    if (status == Io::ok || status == Io::failed) {
      const Io read = opened.exchange->read_head(request.method, answer_by);
      if (status == Io::ok || read == Io::ok) status = read;
    }
    if (status == Io::ok) {
      if (!opened.exchange->header("x-hawser-target").empty()) hawser_ = true;
      return std::move(opened.exchange);
    }
    // A kept connection that the server had closed meanwhile costs nothing: once more, afresh.
    const bool stale = opened.exchange->reused() && !opened.exchange->answered() &&
                       (status == Io::closed || status == Io::failed);
    connector_.forget_kept();
    if (!stale) return io_error(status, "the connection broke before an answer came");
  }
  return io_error(Io::failed, "the connection broke before an answer came");
}

/// By an Idempotency-Key a gateway of ours knows a repeated request as the same one.
Headers HttpCalls::naming(const Request& request) const {
  constexpr std::string_view name = "Idempotency-Key";
  const bool named = !find_header(options_.headers, name).empty() ||
                     (request.headers != nullptr && !find_header(*request.headers, name).empty());
  if (!options_.resume || named || request.method != "POST") return {};
  return {{std::string(name), "hawser-" + chance_.hex(32)}};
}

Io HttpCalls::read_all(Exchange& exchange, std::string& body, Clock::time_point deadline) {
  for (bool done = false; !done;) {
    const Io status = exchange.read_body(body, done, silence(deadline));
    if (status != Io::ok) return status;
  }
  connector_.give_back(exchange);
  return Io::ok;
}

/// Whether a call whose answer has not begun is worth asking again however often it failed: a
/// gateway of ours attaches it to the answer under way, so that more tries cost nothing.
bool HttpCalls::reconnects(const ApiError& error, Clock::time_point broke_at) const {
  return error.type == ErrorType::connection && hawser_ && options_.resume &&
         Clock::now() - broke_at < options_.reconnect_timeout;
}

/// Tries until an answer comes that is to be given, or says why none does.
Outcome<HttpCalls::Answer> HttpCalls::begin(const Request& request, const CancelToken* cancel) {
  Answer answer;
  answer.deadline = Clock::now() + options_.total_timeout;
  std::optional<Clock::time_point> broke_at;
  bool renewed = false;
  ReconnectBackoff backoff;
  const Headers more = naming(request);
  for (int retry = 0;; ++retry) {
    auto tried = try_once(request, retry, more, answer.deadline, cancel);
    ApiError error;
    Answered answered;
    if (tried) {
      broke_at.reset();
      backoff.progress();
      Exchange& exchange = **tried;
      answer.info = {std::string(exchange.header("x-request-id")),
                     std::string(exchange.header("x-hawser-target")), retry + 1};
      answered = {exchange.head().status, exchange.header("x-should-retry"),
                  exchange.header("retry-after-ms"), exchange.header("retry-after")};
      const bool again = retry < options_.retry.retries_max && worth_retrying(answered);
      if (answered.status < 400 || (request.pass_refusals && !again && answered.status != 401)) {
        answer.exchange = std::move(*tried);
        return answer;
      }
      error.status = answered.status;
      error.type = type_of_status(answered.status);
      error.request_id = answer.info.request_id;
      error.retry_after = asked_wait(answered, std::chrono::system_clock::now());
      if (answered.status == 401 && !std::exchange(renewed, true) && credential_.refused()) {
        continue;  // the token may have been withdrawn before its end
      }
      if (request.pass_refusals && !again) {
        answer.exchange = std::move(*tried);
        return answer;
      }
      std::string text;
      if (read_all(exchange, text, answer.deadline) != Io::ok) text.clear();
      read_error(text, error);
    } else {
      error = tried.error();
      if (!broke_at) broke_at = Clock::now();
    }
    error.attempts = retry + 1;
    // What no server will answer otherwise is not asked again: a token that is not given.
    const bool hopeless =
        !tried && error.type != ErrorType::connection && error.type != ErrorType::timeout;
    const bool free = !tried && reconnects(error, *broke_at);
    const bool again = (retry < options_.retry.retries_max && worth_retrying(answered)) || free;
    if (!again || hopeless) return error;
    const auto usual =
        free ? backoff.next(chance_.next()) : sdk::backoff(options_.retry, retry, chance_.next());
    const auto wait = error.retry_after.value_or(usual);
    if (Clock::now() + wait >= answer.deadline) return error;
    if (!pause(wait, cancel)) return cancelled_error();
  }
}

Outcome<CallInfo> HttpCalls::run(const Request& request, const Sink& sink,
                                 const CancelToken* cancel) {
  auto answer = begin(request, cancel);
  if (!answer) return answer.error();
  const auto& head = answer->exchange->head();
  if (sink.head && !sink.head(head.status, headers_of(head))) return cancelled_error();
  if (is_event_stream(*answer->exchange)) return read_events(std::move(*answer), sink, cancel);
  return read_content(std::move(*answer), sink);
}

Outcome<CallInfo> HttpCalls::read_content(Answer answer, const Sink& sink) {
  for (bool done = false; !done;) {
    std::string bytes;
    const Io status = answer.exchange->read_body(bytes, done, silence(answer.deadline));
    if (status != Io::ok) {
      auto error = io_error(status, "the answer broke off");
      error.request_id = answer.info.request_id;
      return error;
    }
    if (!bytes.empty() && sink.content && !sink.content(bytes)) return cancelled_error();
  }
  connector_.give_back(*answer.exchange);
  return answer.info;
}

/// How long a stream may be silent: a gateway that agreed to heartbeats is heard from in between.
std::chrono::milliseconds HttpCalls::silence_of(const Exchange& exchange) const {
  const std::string_view text = exchange.header(heartbeat_field);
  std::chrono::milliseconds::rep every = 0;
  std::from_chars(text.data(), text.data() + text.size(), every);
  if (every <= 0 || every > Keepalive::period_max.count()) return options_.idle_timeout;
  const auto patience = Keepalive::dead_after(std::chrono::milliseconds(every));
  return std::min(options_.idle_timeout, patience);
}

/// What comes next of a stream; its sink hears of silence meanwhile.
Io HttpCalls::read_some(Answer& answer, std::string& bytes, bool& ended, Silence& silence) const {
  const auto until = std::min(answer.deadline, Clock::now() + answer.silence_max);
  for (;;) {
    const auto by = std::min(until, silence.due());
    const Io status = answer.exchange->read_body(bytes, ended, by);
    if (status != Io::timeout || Clock::now() >= until) return status;
    if (!silence.tell()) return Io::cancelled;
  }
}

/// Reads a stream to its end. Where it breaks and a gateway of ours keeps it, it is taken up behind
/// the last event that came whole.
Outcome<CallInfo> HttpCalls::read_events(Answer answer, const Sink& sink,
                                         const CancelToken* cancel) {
  Place place;
  place.generation = answer.exchange->header("x-hawser-generation");
  answer.silence_max = silence_of(*answer.exchange);
  Silence silence(sink);
  auto decoder = std::make_unique<wire::SseDecoder>(event_max);
  for (bool ended = false; !ended;) {
    std::string bytes;
    const Io status = read_some(answer, bytes, ended, silence);
    if (status == Io::ok) {
      bool wanted = true;
      const auto fed = decoder->feed(bytes, [&](const wire::SseEvent& event) {
        wanted = wanted && (!sink.event || sink.event({event.type, event.data}));
        if (!event.id.empty()) place.last = event.id;
        place.backoff.progress();
        silence.over();
      });
      if (!fed) return make_error(ErrorType::upstream, fed.error().message);
      if (!wanted) return cancelled_error();
      continue;
    }
    auto error = io_error(status, "the stream broke off");
    error.request_id = answer.info.request_id;
    error.attempts = answer.info.attempts;
    const bool keeps = options_.resume && !place.generation.empty() && status != Io::cancelled;
    connector_.forget_kept();
    if (!keeps || Clock::now() >= answer.deadline) return error;
    if (auto failed = take_up(answer, place, silence, cancel)) return std::move(*failed);
    decoder = std::make_unique<wire::SseDecoder>(event_max);
    ended = false;
  }
  connector_.give_back(*answer.exchange);
  return answer.info;
}

/// Nothing: `answer` goes on behind its last event.
std::optional<ApiError> HttpCalls::take_up(Answer& answer, Place& place, Silence& silence,
                                           const CancelToken* cancel) {
  const std::string path = "/generations/" + place.generation + "/events";
  const Request request{.method = "GET", .path = path, .body = {}};
  const Headers cursor = place.last.empty() ? Headers{} : Headers{{"Last-Event-ID", place.last}};
  for (;;) {
    const auto wait = place.backoff.next(chance_.next());
    if (Clock::now() + wait >= answer.deadline) {
      return make_error(ErrorType::timeout,
                        "the stream broke off and could not be taken up in time");
    }
    if (!pause(wait, cancel) || !silence.tell()) return cancelled_error();
    // A gateway that is there begins to answer at once: it has what is asked for.
    const auto by = std::min(answer.deadline, Clock::now() + answer.silence_max);
    auto tried = try_once(request, 0, cursor, by, cancel);
    if (!tried && tried.error().type == ErrorType::cancelled) return tried.error();
    if (!tried) continue;
    const int status = (*tried)->head().status;
    if (status == 200 && is_event_stream(**tried)) {
      answer.exchange = std::move(*tried);
      answer.silence_max = silence_of(*answer.exchange);
      ++answer.info.resumes;
      return std::nullopt;
    }
    if (status >= 500 || status == 429) continue;
    ApiError error;
    error.status = status;
    std::string text;
    if (read_all(**tried, text, answer.deadline) == Io::ok) read_error(text, error);
    error.type = ErrorType::connection;
    return error;
  }
}

}  // namespace hawser::sdk
