// The connection's own thread: it connects, speaks, and connects anew.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/base64.hpp"
#include "base/json.hpp"
#include "tunnel_calls.hpp"
#include "wire/http1.hpp"

namespace hawser::sdk {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t message_max = 64 * 1024 * 1024;
constexpr int handshakes_max = 5;  // that fail before WebSockets count as blocked
constexpr int tries_max = 8;       // to connect before a call that waits fails
constexpr auto blocked_for = std::chrono::minutes(10);
constexpr auto probe_after = std::chrono::seconds(25);
constexpr auto dead_after = std::chrono::seconds(10);  // behind an unanswered probe

}  // namespace

void TunnelCalls::wait(milliseconds time) {
  pollfd entry{wake_read_, POLLIN, 0};
  const auto until = Clock::now() + time;
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(until - Clock::now());
    if (left.count() <= 0 || ::poll(&entry, 1, static_cast<int>(left.count())) == 0) return;
    char drop[256];
    while (::read(wake_read_, drop, sizeof drop) > 0) {
    }
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
  }
}

/// Until the client ends: one connection after the other, while anybody needs one.
void TunnelCalls::keep_connected() {
  std::unique_ptr<Connection> old;  // one that asked to be replaced stays until the next is there
  int unreached = 0;                // tries since a connection was welcomed
  for (int tries = 0; wait_for_calls();) {
    const auto begun = Clock::now();
    ++unreached;
    if (connect_once()) {
      failures_ = 0;
      old.reset();
      speak();
      if (welcomed_) unreached = 0;
      if (Clock::now() - begun > std::chrono::seconds(30)) tries = 0;
    } else {
      ++failures_;
    }
    if (replace_) old = std::move(connection_);
    connection_.reset();
    if (!connection_lost(unreached)) return;
    if (!std::exchange(replace_, false)) wait(reconnect_wait(tries++, chance_.next()));
  }
}

/// False: the client ends.
bool TunnelCalls::wait_for_calls() {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return false;
      if (link_ == Link::blocked && Clock::now() >= blocked_until_) link_ = Link::down;
      if (!calls_.empty() && link_ != Link::blocked) return true;
    }
    pollfd entry{wake_read_, POLLIN, 0};
    ::poll(&entry, 1, 1000);
    char drop[256];
    while (::read(wake_read_, drop, sizeof drop) > 0) {
    }
  }
}

/// @param unreached  tries since a connection was welcomed
bool TunnelCalls::connection_lost(int unreached) {
  const std::lock_guard lock(mutex_);
  out_.clear();
  if (stopping_) return false;
  if (std::exchange(refused_, false)) fail_all("authentication", refusal_);
  link_ = Link::down;
  if (failures_ >= handshakes_max) {
    failures_ = 0;
    link_ = Link::blocked;
    blocked_until_ = Clock::now() + blocked_for;
    news_.notify_all();
  }
  if (unreached >= tries_max) {
    // What has begun there may still be taken up; the others need not wait.
    for (auto& [id, call] : calls_) {
      if (call->generation.empty()) fail(*call, "connection", "the gateway cannot be reached");
    }
  }
  return true;
}

bool TunnelCalls::connect_once() {
  const auto deadline = Clock::now() + options_.connect_timeout;
  auto raw = connector_.connect(deadline, nullptr);
  if (raw.status != Io::ok) {
    // Nobody listens, or the way is broken: that is no sign of blocked WebSockets.
    failures_ = std::min(failures_, 0) - 1;
    return false;
  }
  if (!shake_hands(*raw.connection, deadline)) return false;
  connection_ = std::move(raw.connection);
  greet();
  return true;
}

bool TunnelCalls::shake_hands(Connection& connection, Clock::time_point deadline) {
  auto token = credential_.token(deadline, nullptr);
  if (!token) return false;
  const Url& url = connector_.url();
  std::string key;
  append_base64(key, chance_.hex(16));
  std::string head = "GET " + url.path + "/tunnel HTTP/1.1\r\nHost: " + url.host + ":" + url.port;
  head += "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n";
  head += "Sec-WebSocket-Key: " + key + "\r\nSec-WebSocket-Protocol: hawser.v1+json\r\n";
  head += "User-Agent: hawser-cpp/0.1\r\n";
  if (!token->empty()) head += "Authorization: Bearer " + *token + "\r\n";
  if (connection.write(head + "\r\n", deadline) != Io::ok) {
    failures_ = std::min(failures_, 0) - 1;
    return false;
  }
  std::string in;
  std::size_t searched = 0;
  wire::ResponseHead answer;
  const wire::HeadLimits limits{};
  for (;;) {
    const auto outcome = wire::parse_response_head(in, searched, "GET", limits, answer);
    if (outcome.state == wire::HeadOutcome::State::malformed) return false;
    if (outcome.state == wire::HeadOutcome::State::complete) {
      const auto* accept = answer.find("sec-websocket-accept");
      if (answer.status == 101 && accept != nullptr && accept->value == wire::ws_accept(key)) {
        decoder_ = std::make_unique<wire::WsDecoder>(wire::WsSide::client, message_max);
        in.erase(0, outcome.consumed);
        heard_ = Clock::now();
        pinged_ = {};
        welcomed_ = replace_ = false;
        return take_frames(in);
      }
      if (answer.status == 401) {
        if (credential_.refused()) return false;
        const std::lock_guard lock(mutex_);
        refused_ = true;
        refusal_ = "Incorrect API key provided.";
      }
      if (answer.status == 426 || answer.status == 403) failures_ = handshakes_max;
      return false;
    }
    const Io status = connection.read(in, deadline);
    if (status != Io::ok) {
      failures_ = std::min(failures_, 0) - 1;  // the way broke, which says nothing of WebSockets
      return false;
    }
  }
}

/// Says hello and what is to be taken up.
void TunnelCalls::greet() {
  const std::lock_guard lock(mutex_);
  std::string hello =
      R"({"t":"hello","v":1,"client":"hawser-cpp/0.1","caps":["resume","coalesce"])";
  std::string resume;
  for (const auto& [id, call] : calls_) {
    if (call->generation.empty() || call->ended) continue;
    if (!resume.empty()) resume.push_back(',');
    resume.append(R"({"gen":)");
    append_json_string(resume, call->generation);
    if (call->last >= 0)
      resume.append(",\"after\":[1,").append(std::to_string(call->last)).append("]");
    resume.append(",\"id\":");
    append_json_string(resume, call->id);
    resume.push_back('}');
    ++call->resumes;
  }
  if (!resume.empty()) hello.append(",\"resume\":[").append(resume).append("]");
  out_.clear();
  say(hello.append("}"));
}

/// Until the connection ends.
bool TunnelCalls::speak() {
  std::string bytes;
  for (;;) {
    if (!flush()) return false;
    Io status = Io::ok;
    while (status == Io::ok) {
      status = connection_->read_now(bytes);
      if (status == Io::ok) heard_ = Clock::now();
    }
    if (!bytes.empty() && !take_frames(bytes)) return false;
    bytes.clear();
    if (status != Io::timeout || replace_) return false;
    const auto now = Clock::now();
    if (pinged_ != Clock::time_point{} && heard_ < pinged_ && now - pinged_ > dead_after)
      return false;
    send_keepalive(now);
    pollfd entries[2] = {{connection_->descriptor(), POLLIN, 0}, {wake_read_, POLLIN, 0}};
    ::poll(entries, 2, 1000);
    if (entries[1].revents != 0) {
      char drop[256];
      while (::read(wake_read_, drop, sizeof drop) > 0) {
      }
    }
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
  }
}

bool TunnelCalls::flush() {
  std::string out;
  {
    const std::lock_guard lock(mutex_);
    out.swap(out_);
  }
  return out.empty() || connection_->write(out, Clock::now() + options_.idle_timeout) == Io::ok;
}

void TunnelCalls::send_keepalive(Clock::time_point now) {
  if (now - heard_ < probe_after || pinged_ > heard_) return;
  const std::lock_guard lock(mutex_);
  pinged_ = now;
  say(R"({"t":"ping"})");
}

bool TunnelCalls::take_frames(std::string& bytes) {
  std::string_view rest = bytes;
  for (;;) {
    const wire::WsEvent event = decoder_->next(rest);
    switch (event.kind) {
      case wire::WsEvent::Kind::none:
        return true;
      case wire::WsEvent::Kind::text:
        take_frame(event.payload);
        break;
      case wire::WsEvent::Kind::ping: {
        const std::lock_guard lock(mutex_);
        wire::append_ws_frame(out_, wire::WsOpcode::pong, event.payload, 0x5a17c3e9u);
        break;
      }
      case wire::WsEvent::Kind::close: {
        const std::lock_guard lock(mutex_);
        refused_ = event.code == 4401 && !credential_.refused();
        refusal_ = event.payload;
        return false;
      }
      case wire::WsEvent::Kind::broken:
        return false;
      default:
        break;
    }
  }
}

void TunnelCalls::take_frame(std::string_view frame) {
  const auto type = json_text(frame, "t");
  const std::lock_guard lock(mutex_);
  if (type == "welcome") {
    welcomed_ = true;
    link_ = Link::up;
    for (auto& [id, call] : calls_) {
      call->owed = 0;
      // Nothing of its answer came: its Idempotency-Key makes sure that it is asked once.
      if (call->ended || !call->generation.empty()) continue;
      if (call->headed) {
        fail(*call, "connection", "the answer broke off");
      } else {
        ask(*call);
      }
    }
    return;
  }
  if (type == "goaway") {
    // Make before break is for what can be taken up: the next connection does.
    replace_ = json_member(frame, "resumable") == "true";
    return;
  }
  const auto id = json_text(frame, "id");
  const auto found = id ? calls_.find(*id) : calls_.end();
  if (found == calls_.end()) return;
  Call& call = *found->second;
  if (type == "head") {
    const bool again = std::exchange(call.headed, true);
    if (auto generation = json_text(frame, "gen")) call.generation = std::move(*generation);
    if (again) return;  // taken up: its caller has it
  } else if (type == "ev") {
    const auto seq = static_cast<long long>(json_number(frame, "q").value_or(0));
    if (seq <= call.last) return;
    call.last = seq;
  } else if (type == "end" || type == "err") {
    call.ended = true;
  }
  call.inbox.emplace_back(frame);
  news_.notify_all();
}

}  // namespace hawser::sdk
