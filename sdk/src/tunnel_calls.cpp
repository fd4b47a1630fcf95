#include "tunnel_calls.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/base64.hpp"
#include "base/json.hpp"
#include "wire/http1.hpp"

namespace hawser::sdk {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t part_max =
    8 * 1024 * 1024;  // of a body; the gateway takes messages of 16 MiB

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

Signal::Signal() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
Signal::~Signal() {
  if (descriptor_ >= 0) ::close(descriptor_);
}
void Signal::raise() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto wrote = ::write(descriptor_, &one, sizeof one);
}
void Signal::clear() const {
  std::uint64_t drop = 0;
  [[maybe_unused]] const auto got = ::read(descriptor_, &drop, sizeof drop);
}

TunnelCalls::TunnelCalls(const ClientOptions& options, const Url& url, const Dial& dial,
                         Credential& credential, Chance& chance, Calls& otherwise)
    : options_(options),
      connector_(url, dial),
      credential_(credential),
      chance_(chance),
      otherwise_(otherwise) {
  thread_ = std::thread([this] { keep_connected(); });
}

TunnelCalls::~TunnelCalls() {
  stop_.cancel();
  thread_.join();
}

// --- calls, on their own threads

std::string TunnelCalls::frame_of(const Request& request, const std::string& id) const {
  std::string frame = R"({"t":"req","id":)";
  append_json_string(frame, id);
  frame.append(R"(,"m":)");
  append_json_string(frame, request.method);
  frame.append(R"(,"p":)");
  append_json_string(frame, target_below(connector_.url(), request.path));
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
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    if (link_ == Link::blocked && Clock::now() >= blocked_until_) link_ = Link::down;
    if (link_ != Link::blocked) {
      number = ++next_id_;
      call->id = "r" + std::to_string(number);
      call->frame = frame_of(request, call->id);
      if (request.body.size() > part_max) call->body = request.body;
      calls_.emplace(number, call);
      ask_waiting();
      wake_.raise();
    }
  }
  if (number == 0) return otherwise_.run(request, sink, cancel);
  auto outcome = deliver(call, request, sink, cancel);
  const std::lock_guard lock(mutex_);
  calls_.erase(number);
  for (const auto& frame : call->inbox) held_ -= frame.size();
  if (!call->ended && call->asked && link_ == Link::up) {
    std::string stop = R"({"t":"cancel","mode":"discard","id":)";
    append_json_string(stop, call->id);
    say(stop.append("}"));
  }
  ask_waiting();
  wake_.raise();
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
    if (body.empty() || body == "null") return error;  // told by the tunnel, not by the API
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
Outcome<CallInfo> TunnelCalls::deliver(const CallPtr& call, const Request& request,
                                       const Sink& sink, const CancelToken* cancel) {
  Delivery delivery(request, sink);
  Silence silence(sink);
  const auto deadline = call->since + options_.total_timeout;
  for (;;) {
    std::string frame;
    {
      const std::lock_guard lock(mutex_);
      delivery.info.resumes = call->resumes;
      if (!call->inbox.empty()) {
        frame = std::move(call->inbox.front());
        call->inbox.pop_front();
        held_ -= frame.size();
        call->owed += frame.size();
        const bool connection = owed_ >= credit_step && held_ < held_enough;
        if (connection) give_credit(owed_, nullptr);
        const bool own = call->owed >= credit_step && call->asked && !call->ended;
        if (own) give_credit(call->owed, call.get());
        if (connection || own) wake_.raise();
      } else if (call->failed) {
        return *call->failed;
      }
    }
    if (!frame.empty()) {
      silence.over();
      if (auto outcome = delivery.give(frame)) return std::move(*outcome);
      continue;
    }
    if (cancel != nullptr && cancel->cancelled()) return cancelled_error();
    if (Clock::now() >= deadline) {
      return make_error(ErrorType::timeout, "the server took too long");
    }
    if (goes_otherwise(*call)) return otherwise_.run(request, sink, cancel);
    pollfd entries[2] = {{call->news.descriptor(), POLLIN, 0},
                         {cancel == nullptr ? -1 : cancel->descriptor(), POLLIN, 0}};
    const auto left =
        std::chrono::ceil<milliseconds>(std::min(deadline, silence.due()) - Clock::now());
    // Without a descriptor for its news a call looks for itself.
    const long long most = call->news.descriptor() < 0 ? 20 : 60'000;
    ::poll(entries, 2, static_cast<int>(std::clamp<long long>(left.count(), 0, most)));
    call->news.clear();
    if (!silence.tell()) return cancelled_error();
  }
}

/// WebSockets are blocked, and nothing of its answer came by one.
bool TunnelCalls::goes_otherwise(const Call& call) {
  const std::lock_guard lock(mutex_);
  return link_ == Link::blocked && !call.headed;
}

// --- what is said, under the lock

bool TunnelCalls::calls_open() const {
  return std::any_of(calls_.begin(), calls_.end(),
                     [](const auto& entry) { return !entry.second->ended; });
}

void TunnelCalls::say(std::string_view frame) {
  std::uint32_t mask = 0;
  const std::string digits = chance_.hex(8);
  std::from_chars(digits.data(), digits.data() + 8, mask, 16);
  wire::append_ws_frame(out_, wire::WsOpcode::text, frame, mask);
}

/// Those that were not asked yet, in their order, as many as the gateway takes at once.
void TunnelCalls::ask_waiting() {
  if (link_ != Link::up) return;
  std::size_t open = 0;
  for (const auto& [number, call] : calls_) open += call->asked && !call->ended ? 1 : 0;
  for (const auto& [number, call] : calls_) {
    if (open >= streams_max_) return;
    if (call->asked || call->ended) continue;
    call->asked = true;
    ask(*call);
    ++open;
  }
}

void TunnelCalls::ask(Call& call) {
  if (!call.generation.empty()) {  // the rest of it
    std::string path = connector_.url().path + "/generations/" + call.generation + "/events";
    if (call.last >= 0) path += "?after=1." + std::to_string(call.last);
    std::string frame = R"({"t":"req","m":"GET","id":)";
    append_json_string(frame, call.id);
    frame.append(R"(,"p":)");
    append_json_string(frame, path);
    return say(frame.append("}"));
  }
  // Nothing of its answer came: its Idempotency-Key makes sure that it is asked once.
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

/// What was taken is given again as credit, a good deal at once: of `call`, or of the connection.
void TunnelCalls::give_credit(std::size_t& owed, const Call* call) {
  if (link_ != Link::up) return;
  std::string frame = R"({"t":"win")";
  if (call != nullptr) {
    frame.append(",\"id\":");
    append_json_string(frame, call->id);
  }
  say(frame.append(",\"add\":").append(std::to_string(std::exchange(owed, 0))).append("}"));
}

/// The call ends without a word of the gateway's.
void TunnelCalls::fail(Call& call, ErrorType type, int status, std::string message) {
  if (std::exchange(call.ended, true)) return;
  call.failed = make_error(type, std::move(message));
  call.failed->status = status;
  call.news.raise();
}

}  // namespace hawser::sdk
