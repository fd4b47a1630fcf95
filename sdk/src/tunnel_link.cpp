// The connection's own thread: it connects, speaks, and connects anew.
#include <poll.h>

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
constexpr int declined_max = 5;  // handshakes in a row before WebSockets count as blocked
constexpr auto unavailable_max = std::chrono::seconds(10);  // the same, where 5xx is answered
constexpr auto blocked_for = std::chrono::minutes(10);
constexpr auto probe_after = std::chrono::seconds(25);  // an idle connection
constexpr auto dead_after = std::chrono::seconds(10);   // behind that probe
constexpr auto welcome_patience = milliseconds(4'500);
constexpr std::size_t read_at_once = 256 * 1024;
constexpr std::size_t pongs_behind = 64 * 1024;  // more than that unread: no further pong

/// Whether `name` is among the texts of a JSON array.
bool among(std::string_view array, const std::string& name) {
  return array.find("\"" + name + "\"") != std::string_view::npos;
}

/// The number in "r17".
std::optional<std::uint64_t> number_of(std::string_view id) {
  std::uint64_t number = 0;
  const auto* const end = id.data() + id.size();
  if (!id.starts_with('r') || std::from_chars(id.data() + 1, end, number).ptr != end) {
    return std::nullopt;
  }
  return number;
}

}  // namespace

void TunnelCalls::wait(milliseconds time) {
  pollfd entry{stop_.descriptor(), POLLIN, 0};
  ::poll(&entry, 1, static_cast<int>(time.count()));
}

/// Until the client ends: one connection after the other, while anybody needs one.
void TunnelCalls::keep_connected() {
  std::unique_ptr<Connection> old;  // one that asked to be replaced stays until the next is there
  while (wait_for_calls()) {
    const End end = connect_and_speak(old);
    if (end.how == Ended::stopped) return;
    if (end.how == Ended::replaced) old = std::move(connection_);
    connection_.reset();
    connection_lost(end);
  }
}

/// False: the client ends.
bool TunnelCalls::wait_for_calls() {
  for (;;) {
    wake_.clear();
    if (stop_.cancelled()) return false;
    milliseconds most{-1};
    {
      const std::lock_guard lock(mutex_);
      if (link_ == Link::blocked && Clock::now() >= blocked_until_) link_ = Link::down;
      if (calls_open() && link_ != Link::blocked) return true;
      if (link_ == Link::blocked) {
        most = std::chrono::ceil<milliseconds>(blocked_until_ - Clock::now());
      }
    }
    pollfd entries[2] = {{wake_.descriptor(), POLLIN, 0}, {stop_.descriptor(), POLLIN, 0}};
    ::poll(entries, 2, static_cast<int>(most.count()));
  }
}

/// What runs is told, and the next attempt waits for its time.
void TunnelCalls::connection_lost(const End& end) {
  ConnectionEvent event{.kind = ConnectionEvent::Kind::lost, .reason = end.reason};
  if (end.how == Ended::replaced) event.kind = ConnectionEvent::Kind::replaced;
  if (end.how == Ended::refused) event.kind = ConnectionEvent::Kind::refused;
  if (std::exchange(welcomed_, false)) lost_at_ = Clock::now();
  count_declined(end);
  {
    const std::lock_guard lock(mutex_);
    out_.clear();
    link_ = Link::down;
    const auto now = Clock::now();
    const bool blocked = end.how == Ended::blocked || declined_ >= declined_max;
    if (blocked) {
      declined_ = 0;
      link_ = Link::blocked;
      blocked_until_ = now + blocked_for;
      event.kind = ConnectionEvent::Kind::blocked;
    }
    for (auto& [number, call] : calls_) {
      if (call->ended) continue;
      ++event.calls;
      if (end.how == Ended::refused) {
        fail(*call, ErrorType::authentication, 401, end.reason);
      } else if (blocked) {
        call->news.raise();
      } else if (call->generation.empty() &&
                 now - std::max(call->since, lost_at_) >= options_.reconnect_timeout) {
        // What has begun there may still be taken up; the others need not wait.
        fail(*call, ErrorType::connection, 0, "the gateway cannot be reached: " + end.reason);
      }
    }
    if (end.how != Ended::replaced && calls_open()) {
      event.next_try = backoff_.next(chance_.next());
    }
  }
  report(event);
  if (event.next_try.count() > 0) wait(event.next_try);
}

/// A proxy on the way that declines every handshake blocks WebSockets; a gateway that starts anew
/// behind one does not.
void TunnelCalls::count_declined(const End& end) {
  if (end.how != Ended::declined && end.how != Ended::unavailable) {
    declined_ = 0;
    return;
  }
  const auto now = Clock::now();
  if (declined_ == 0) declined_since_ = now;
  if (end.how == Ended::declined) {
    ++declined_;
  } else {
    declined_ = now - declined_since_ >= unavailable_max ? declined_max : 1;
  }
}

void TunnelCalls::report(const ConnectionEvent& event) const {
  if (options_.on_connection) options_.on_connection(event);
}

TunnelCalls::End TunnelCalls::connect_and_speak(std::unique_ptr<Connection>& old) {
  const auto deadline = Clock::now() + options_.connect_timeout;
  auto raw = connector_.connect(deadline, &stop_);
  if (raw.status == Io::cancelled) return {Ended::stopped, {}};
  if (raw.status != Io::ok) return {Ended::broken, raw.problem};
  std::string in;
  const End shaken = shake_hands(*raw.connection, deadline, in);
  if (shaken.how != Ended::open) return shaken;
  connection_ = std::move(raw.connection);
  greet();
  End end = speak(std::move(in), old);
  outgoing_.clear();
  outgoing_at_ = 0;
  return end;
}

TunnelCalls::End TunnelCalls::shake_hands(Connection& connection, Clock::time_point deadline,
                                          std::string& in) {
  auto token = credential_.token(deadline, &stop_);
  if (!token) {
    const auto type = token.error().type;
    const bool refused = type == ErrorType::authentication || type == ErrorType::permission;
    return {refused ? Ended::refused : Ended::broken, token.error().message};
  }
  const Url& url = connector_.url();
  std::string key;
  append_base64(key, chance_.hex(16));
  std::string head = "GET " + url.path + "/tunnel HTTP/1.1\r\nHost: " + url.host + ":" + url.port;
  head += "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n";
  head += "Sec-WebSocket-Key: " + key + "\r\nSec-WebSocket-Protocol: hawser.v1+json\r\n";
  head += "User-Agent: hawser-cpp/0.1\r\n";
  if (!token->empty()) head += "Authorization: Bearer " + *token + "\r\n";
  const End broken{Ended::broken, "the path broke during the handshake"};
  if (connection.write(head + "\r\n", deadline) != Io::ok) return broken;
  std::size_t searched = 0;
  wire::ResponseHead answer;
  const wire::HeadLimits limits{};
  for (;;) {
    const auto outcome = wire::parse_response_head(in, searched, "GET", limits, answer);
    if (outcome.state == wire::HeadOutcome::State::malformed) {
      return {Ended::declined, "the answer to the handshake is not HTTP"};
    }
    if (outcome.state == wire::HeadOutcome::State::complete) {
      const End judged = judge(answer, wire::ws_accept(key));
      in.erase(0, outcome.consumed);
      return judged;
    }
    const Io status = connection.read(in, deadline);
    if (status == Io::cancelled) return {Ended::stopped, {}};
    if (status != Io::ok) return broken;
  }
}

/// What the answer to a handshake means.
TunnelCalls::End TunnelCalls::judge(const wire::ResponseHead& answer, std::string_view accept) {
  const auto* accepted = answer.find("sec-websocket-accept");
  if (answer.status == 101 && accepted != nullptr && accepted->value == accept) {
    return {Ended::open, {}};
  }
  const std::string status =
      "the handshake was answered with status " + std::to_string(answer.status);
  if (answer.status == 401) {
    if (credential_.refused()) return {Ended::broken, "the token was refused and is renewed"};
    return {Ended::refused, "Incorrect API key provided."};
  }
  if (answer.status == 426 || answer.status == 403) return {Ended::blocked, status};
  const bool away = answer.status >= 500 || answer.status == 429 || answer.status == 408;
  return {away ? Ended::unavailable : Ended::declined, status};
}

/// Says hello and what is to be taken up.
void TunnelCalls::greet() {
  decoder_ = std::make_unique<wire::WsDecoder>(wire::WsSide::client, message_max);
  heard_ = Clock::now();
  welcome_by_ = heard_ + welcome_patience;
  pinged_ = {};
  peer_every_ = milliseconds(0);
  keepalive_.end();
  const std::lock_guard lock(mutex_);
  std::string hello =
      R"({"t":"hello","v":1,"client":"hawser-cpp/0.1","caps":["resume","coalesce"],"keepalive":)";
  hello.append(std::to_string(Keepalive::period.count()));
  std::string resume;
  for (const auto& [number, call] : calls_) {
    call->asked = false;
    call->owed = 0;
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
  owed_ = 0;
  say(hello.append("}"));
}

/// Until the connection ends. @param bytes  that came behind the handshake
TunnelCalls::End TunnelCalls::speak(std::string bytes, std::unique_ptr<Connection>& old) {
  for (;;) {
    wake_.clear();
    Io status = Io::ok;
    while (status == Io::ok && bytes.size() < read_at_once) status = connection_->read_now(bytes);
    const auto now = Clock::now();
    if (!bytes.empty()) {
      heard_ = now;
      keepalive_.heard(now);
      if (auto end = take_frames(bytes)) return *end;
      bytes.clear();
      if (welcomed_) old.reset();
    }
    if (status == Io::closed || status == Io::failed) return {Ended::broken, "the path broke"};
    if (auto end = stay_alive(now)) return *end;
    if (!write_out(now)) return {Ended::broken, "the path broke"};
    if (status == Io::ok) continue;
    const short events = outgoing_.empty() ? POLLIN : POLLIN | POLLOUT;
    pollfd entries[3] = {{connection_->descriptor(), events, 0},
                         {wake_.descriptor(), POLLIN, 0},
                         {stop_.descriptor(), POLLIN, 0}};
    const auto left = std::chrono::ceil<milliseconds>(due() - Clock::now()).count();
    ::poll(entries, 3, static_cast<int>(std::clamp<long long>(left, 0, 60'000)));
    if (entries[2].revents != 0) return {Ended::stopped, {}};
  }
}

/// When stay_alive() wants to look again.
Clock::time_point TunnelCalls::due() const {
  if (!welcomed_) return welcome_by_;
  const auto idle = pinged_ > heard_ ? pinged_ + dead_after : heard_ + probe_after;
  return std::min<Clock::time_point>(idle, keepalive_.next());
}

/// Keeps our word while calls are open, asks a gateway that does not, and ends what is dead.
std::optional<TunnelCalls::End> TunnelCalls::stay_alive(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (!welcomed_) {
    if (now < welcome_by_) return std::nullopt;
    return End{Ended::broken, "the gateway did not say welcome in time"};
  }
  if (peer_every_ == milliseconds(0) || !calls_open()) {
    keepalive_.end();
  } else if (!keepalive_.active()) {
    keepalive_.begin(now, Keepalive::period, peer_every_);
  }
  const auto step = keepalive_.step(now);
  const bool unanswered = pinged_ > heard_ && now - pinged_ >= dead_after;
  if (step == Keepalive::Step::dead || unanswered) {
    return End{Ended::broken, "nothing was heard of the gateway for too long"};
  }
  const bool idle = now - heard_ >= probe_after && pinged_ <= heard_;
  if (idle) pinged_ = now;
  if (idle || step != Keepalive::Step::wait) say(R"({"t":"ping"})");
  return std::nullopt;
}

/// Writes what the socket takes. False: it is broken.
bool TunnelCalls::write_out(Clock::time_point now) {
  {
    const std::lock_guard lock(mutex_);
    outgoing_.append(std::exchange(out_, {}));
  }
  if (outgoing_.empty()) return true;
  std::string_view rest = std::string_view(outgoing_).substr(outgoing_at_);
  const std::size_t before = rest.size();
  const Io status = connection_->write_now(rest);
  if (rest.size() < before) keepalive_.said(now);
  outgoing_at_ = outgoing_.size() - rest.size();
  if (rest.empty()) {
    outgoing_.clear();
    outgoing_at_ = 0;
  } else if (outgoing_at_ > outgoing_.size() / 2) {
    outgoing_.erase(0, std::exchange(outgoing_at_, 0));
  }
  return status == Io::ok || status == Io::timeout;
}

std::optional<TunnelCalls::End> TunnelCalls::take_frames(std::string_view bytes) {
  for (;;) {
    const wire::WsEvent event = decoder_->next(bytes);
    switch (event.kind) {
      case wire::WsEvent::Kind::none:
        return std::nullopt;
      case wire::WsEvent::Kind::text:
        if (auto end = take_frame(event.payload)) return end;
        break;
      case wire::WsEvent::Kind::ping: {
        const std::lock_guard lock(mutex_);
        if (outgoing_.size() - outgoing_at_ + out_.size() > pongs_behind) break;
        wire::append_ws_frame(out_, wire::WsOpcode::pong, event.payload, 0x5a17c3e9u);
        break;
      }
      case wire::WsEvent::Kind::close:
        if (event.code == 4401 && !credential_.refused()) {
          return End{Ended::refused, "Incorrect API key provided."};
        }
        return End{Ended::broken,
                   "the gateway closed the connection: " + std::to_string(event.code) + " " +
                       std::string(event.payload)};
      case wire::WsEvent::Kind::broken:
        return End{Ended::broken, "the gateway broke the protocol"};
      default:
        break;
    }
  }
}

std::optional<TunnelCalls::End> TunnelCalls::take_frame(std::string_view frame) {
  const auto type = json_text(frame, "t");
  if (!type) return std::nullopt;
  if (*type == "welcome") {
    welcome(frame);
    return std::nullopt;
  }
  if (*type == "goaway") {
    // Make before break is for what can be taken up: the next connection does.
    if (json_member(frame, "resumable") != "true") return std::nullopt;
    return End{Ended::replaced, json_text(frame, "why").value_or("")};
  }
  take_answer(*type, frame);
  const std::lock_guard lock(mutex_);
  if (held_ <= held_max) return std::nullopt;
  return End{Ended::broken, "the gateway sent more than it had credit for"};
}

void TunnelCalls::welcome(std::string_view frame) {
  welcomed_ = true;
  backoff_.progress();
  const auto promised = json_number(frame, "keepalive").value_or(0);
  peer_every_ = std::min<milliseconds>(
      milliseconds(static_cast<milliseconds::rep>(std::min<std::uint64_t>(promised, 1u << 30))),
      Keepalive::period_max);
  ConnectionEvent event{.kind = ConnectionEvent::Kind::connected};
  {
    const std::lock_guard lock(mutex_);
    link_ = Link::up;
    streams_max_ = json_number(frame, "max_streams").value_or(0);
    if (streams_max_ == 0) streams_max_ = SIZE_MAX;
    const auto resumed = json_member(frame, "resumed");
    const auto lost = json_member(frame, "lost");
    for (auto& [number, call] : calls_) {
      if (call->ended) continue;
      ++event.calls;
      if (!call->generation.empty()) {
        // One that is in neither list found no room there: it is asked for in its turn.
        call->asked = among(resumed, call->id) || among(lost, call->id);
      } else if (call->headed) {
        fail(*call, ErrorType::connection, 0, "the answer broke off");
      }
    }
    ask_waiting();
  }
  report(event);
}

/// A frame of one call's answer.
void TunnelCalls::take_answer(std::string_view type, std::string_view frame) {
  const auto id = json_text(frame, "id");
  const auto number = id ? number_of(*id) : std::nullopt;
  const std::lock_guard lock(mutex_);
  if (type == "ev") {
    // A caller that takes nothing is held up by its own credit, and holds up no other.
    owed_ += frame.size();
    if (owed_ >= credit_step && held_ < held_enough) give_credit(owed_, nullptr);
  }
  const auto found = number ? calls_.find(*number) : calls_.end();
  if (found == calls_.end() || found->second->ended) return;
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
    ask_waiting();
  } else {
    return;
  }
  call.inbox.emplace_back(frame);
  held_ += frame.size();
  call.news.raise();
}

}  // namespace hawser::sdk
