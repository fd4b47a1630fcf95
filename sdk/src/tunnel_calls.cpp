#include "tunnel_calls.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>

#include "base/base64.hpp"
#include "base/json.hpp"
#include "wire/http1.hpp"

namespace hawser::sdk {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t part_max =
    8 * 1024 * 1024;  // of a body; the gateway takes messages of 16 MiB
constexpr auto cancel_poll = milliseconds(20);

ErrorType type_of(std::string_view code) {
  for (const auto type :
       {ErrorType::connection, ErrorType::timeout, ErrorType::rate_limit, ErrorType::overloaded,
        ErrorType::authentication, ErrorType::permission, ErrorType::invalid_request,
        ErrorType::not_found, ErrorType::too_large, ErrorType::residency, ErrorType::filtered,
        ErrorType::upstream, ErrorType::cancelled}) {
    if (code == to_string(type)) return type;
  }
  return ErrorType::internal;
}

Headers headers_in(std::string_view object) {
  Headers headers;
  for_each_member(object, [&](std::string_view name, std::string_view value) {
    std::string field, text;
    if (decode_json_string(name, field) && decode_json_string(value, text)) {
      headers.emplace_back(std::move(field), std::move(text));
    }
    return true;
  });
  return headers;
}

}  // namespace

TunnelCalls::TunnelCalls(const ClientOptions& options, const Url& url, const Dial& dial,
                         Credential& credential, Chance& chance, Calls& otherwise)
    : options_(options),
      connector_(url, dial),
      credential_(credential),
      chance_(chance),
      otherwise_(otherwise) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0) {
    wake_read_ = ends[0];
    wake_write_ = ends[1];
  }
  thread_ = std::thread([this] { keep_connected(); });
}

TunnelCalls::~TunnelCalls() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake();
  }
  thread_.join();
  ::close(wake_read_);
  ::close(wake_write_);
}

void TunnelCalls::wake() {
  const char one = 1;
  [[maybe_unused]] const auto wrote = ::write(wake_write_, &one, 1);
}

// --- calls, on their own threads

std::string TunnelCalls::frame_of(const Request& request, const std::string& id) const {
  std::string frame = R"({"t":"req","id":)";
  append_json_string(frame, id);
  frame.append(R"(,"m":)");
  append_json_string(frame, request.method);
  frame.append(R"(,"p":)");
  append_json_string(frame, connector_.url().path + std::string(request.path));
  frame.append(R"(,"idem":)");
  append_json_string(frame, "hawser-" + chance_.hex(32));
  frame.append(R"(,"h":{)");
  bool first = true;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    if (!std::exchange(first, false)) frame.push_back(',');
    append_json_string(frame, name);
    frame.push_back(':');
    append_json_string(frame, value);
  };
  add("OpenAI-Organization", options_.organization);
  add("OpenAI-Project", options_.project);
  for (const auto& [name, value] : options_.headers) add(name, value);
  if (request.headers != nullptr) {
    for (const auto& [name, value] : *request.headers) add(name, value);
  }
  frame.push_back('}');
  if (request.body.empty()) return frame.append("}");
  if (request.body.size() > part_max) return frame.append(R"(,"parts":true})");
  if (is_json(request.body)) {
    frame.append(",\"b\":").append(request.body);
  } else {
    frame.append(R"(,"b64":")");
    append_base64(frame, request.body);
    frame.push_back('"');
  }
  return frame.append("}");
}

Outcome<CallInfo> TunnelCalls::run(const Request& request, const Sink& sink,
                                   const CancelToken* cancel) {
  const auto call = std::make_shared<Call>();
  {
    const std::lock_guard lock(mutex_);
    if (link_ == Link::blocked && Clock::now() >= blocked_until_) link_ = Link::down;
    if (link_ != Link::blocked) {
      call->id = "r" + std::to_string(++next_id_);
      call->frame = frame_of(request, call->id);
      if (request.body.size() > part_max) call->body = request.body;
      calls_.emplace(call->id, call);
      if (link_ == Link::up) ask(*call);
      wake();
    }
  }
  if (call->id.empty()) return otherwise_.run(request, sink, cancel);
  auto outcome = deliver(*call, request, sink, cancel);
  const std::lock_guard lock(mutex_);
  calls_.erase(call->id);
  if (!call->ended && link_ == Link::up) {
    std::string stop = R"({"t":"cancel","mode":"discard","id":)";
    append_json_string(stop, call->id);
    say(stop.append("}"));
  }
  return outcome;
}

namespace {

/// The bytes of an event's frame; `scratch` may hold them.
std::string_view data_in(const std::string& frame, std::string& scratch) {
  const std::string_view data = json_member(frame, "d");
  if (!data.empty()) return data;
  if (decode_json_string(json_member(frame, "x"), scratch)) return scratch;
  if (!decode_json_string(json_member(frame, "b64"), scratch)) return {};
  scratch = decode_base64(scratch).value_or("");
  return scratch;
}

ApiError error_in(const std::string& frame, const CallInfo& info) {
  const std::string code = json_text(frame, "code").value_or("internal");
  ApiError error = make_error(type_of(code), json_text(frame, "message").value_or(""));
  error.status = static_cast<int>(json_number(frame, "s").value_or(0));
  error.code = code;
  error.request_id = info.request_id;
  if (const auto wait = json_number(frame, "retry_ms")) error.retry_after = milliseconds(*wait);
  return error;
}

/// Gives the frames of one call to its sink.
class Delivery {
 public:
  Delivery(const Request& request, const Sink& sink) : request_(request), sink_(sink) {}

  CallInfo info{};

  /// Nothing: there is more to come.
  std::optional<Outcome<CallInfo>> give(const std::string& frame) {
    const auto type = json_text(frame, "t");
    if (type == "head" && !give_head(frame)) return cancelled_error();
    if (type == "ev" && !give_event(frame)) return cancelled_error();
    if (type == "end") return end();
    if (type == "err") return fail(frame);
    return std::nullopt;
  }

 private:
  bool passes_on() const { return status_ < 400 || request_.pass_refusals; }

  bool give_head(const std::string& frame) {
    status_ = static_cast<int>(json_number(frame, "s").value_or(0));
    const Headers headers = headers_in(json_member(frame, "h"));
    info.request_id = find_header(headers, "x-request-id");
    info.target = find_header(headers, "x-hawser-target");
    events_ = find_header(headers, "content-type").starts_with("text/event-stream");
    return !passes_on() || !sink_.head || sink_.head(status_, headers);
  }
  bool give_event(const std::string& frame) {
    std::string scratch;
    const std::string_view data = data_in(frame, scratch);
    if (!passes_on()) {
      refusal_.append(data);
      return true;
    }
    if (!events_) return !sink_.content || sink_.content(data);
    const std::string name = json_text(frame, "e").value_or("");
    return !sink_.event || sink_.event({name, data});
  }
  Outcome<CallInfo> end() const {
    if (passes_on()) return info;
    ApiError error = make_error(type_of_status(status_), "");
    error.status = status_;
    error.request_id = info.request_id;
    read_error(refusal_, error);
    return error;
  }
  Outcome<CallInfo> fail(const std::string& frame) {
    ApiError error = error_in(frame, info);
    if (!request_.pass_refusals || error.type == ErrorType::cancelled) return error;
    const std::string body(json_member(frame, "body"));
    if (status_ == 0) {
      if (sink_.head) sink_.head(error.status, {{"content-type", "application/json"}});
      if (sink_.content) sink_.content(body);
      return info;
    }
    if (events_ && sink_.event) sink_.event({"error", body});
    return error;
  }

  const Request& request_;
  const Sink& sink_;
  int status_ = 0;
  bool events_ = false;
  std::string refusal_{};  // body of an answer of 400 and above that is not passed on
};

}  // namespace

/// Gives the frames of a call to its sink as they come.
Outcome<CallInfo> TunnelCalls::deliver(Call& call, const Request& request, const Sink& sink,
                                       const CancelToken* cancel) {
  Delivery delivery(request, sink);
  const auto deadline = Clock::now() + options_.total_timeout;
  for (;;) {
    std::string frame;
    {
      std::unique_lock lock(mutex_);
      while (call.inbox.empty()) {
        if (cancel != nullptr && cancel->cancelled()) return cancelled_error();
        if (Clock::now() >= deadline) {
          return make_error(ErrorType::timeout, "the server took too long");
        }
        if (link_ == Link::blocked && !call.headed) {
          lock.unlock();
          return otherwise_.run(request, sink, cancel);
        }
        news_.wait_for(lock, cancel == nullptr ? milliseconds(500) : cancel_poll);
      }
      frame = std::move(call.inbox.front());
      call.inbox.pop_front();
      give_credit(call, frame.size());
      delivery.info.resumes = call.resumes;
    }
    if (auto outcome = delivery.give(frame)) return std::move(*outcome);
  }
}

// --- what is said, under the lock

void TunnelCalls::say(std::string_view frame) {
  std::uint32_t mask = 0;
  const std::string digits = chance_.hex(8);
  std::from_chars(digits.data(), digits.data() + 8, mask, 16);
  wire::append_ws_frame(out_, wire::WsOpcode::text, frame, mask);
  wake();
}

void TunnelCalls::ask(Call& call) {
  say(call.frame);
  for (std::size_t at = 0; at < call.body.size(); at += part_max) {
    const auto part = std::string_view(call.body).substr(at, part_max);
    std::string frame = R"({"t":"body_part","id":)";
    append_json_string(frame, call.id);
    frame.append(R"(,"b64":")");
    append_base64(frame, part);
    say(frame.append(at + part.size() >= call.body.size() ? R"(","last":true})" : R"("})"));
  }
}

/// What was taken is given again as credit, a good deal at once.
void TunnelCalls::give_credit(Call& call, std::size_t bytes) {
  call.owed += bytes;
  if (call.owed < 64 * 1024 || link_ != Link::up) return;
  const std::string add = std::to_string(std::exchange(call.owed, 0));
  say(R"({"t":"win","add":)" + add + "}");
  std::string own = R"({"t":"win","id":)";
  append_json_string(own, call.id);
  say(own.append(",\"add\":").append(add).append("}"));
}

void TunnelCalls::fail(Call& call, std::string_view code, std::string_view message) {
  if (std::exchange(call.ended, true)) return;
  std::string frame = R"({"t":"err","code":)";
  append_json_string(frame, code);
  frame.append(",\"s\":").append(code == "authentication" ? "401" : "0").append(",\"message\":");
  append_json_string(frame, message);
  call.inbox.push_back(frame.append(R"(,"body":null})"));
  news_.notify_all();
}

void TunnelCalls::fail_all(std::string_view code, std::string_view message) {
  for (auto& [id, call] : calls_) fail(*call, code, message);
}

}  // namespace hawser::sdk
