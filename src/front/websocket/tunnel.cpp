#include "front/websocket/tunnel.hpp"

#include <algorithm>

#include "base/base64.hpp"
#include "base/json.hpp"
#include "dialect/error_body.hpp"
#include "front/websocket/tunnel_frame.hpp"

namespace hawser::front::websocket {

namespace {

constexpr auto welcome_patience = 5s;

/// Close codes of the protocol.
constexpr std::uint16_t bad_frame = 4400, unauthorized = 4401, no_hello = 4408, duplicate_id = 4409,
                        too_big = 4413, too_many = 4429, going_down = 4503;

void add_text(std::string& out, std::string_view name, std::string_view text) {
  out.append(",\"").append(name).append("\":");
  append_json_string(out, text);
}
void add_number(std::string& out, std::string_view name, std::uint64_t number) {
  out.append(",\"").append(name).append("\":").append(std::to_string(number));
}

/// {"name":"value",...} of "Name: value\r\n"...; names in lower case.
void add_fields(std::string& out, std::string_view fields) {
  out.append(",\"h\":{");
  bool first = true;
  while (!fields.empty()) {
    const auto end = std::min(fields.find("\r\n"), fields.size());
    const std::string_view line = fields.substr(0, end);
    fields.remove_prefix(std::min(end + 2, fields.size()));
    const auto colon = line.find(": ");
    if (colon == std::string_view::npos) continue;
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (!std::exchange(first, false)) out.push_back(',');
    append_json_string(out, name);
    out.push_back(':');
    append_json_string(out, line.substr(colon + 2));
  }
  out.push_back('}');
}

std::uint64_t ms(milliseconds time) {
  return static_cast<std::uint64_t>(time.count());
}

bool holds_word(std::string_view array, std::string_view word) {
  return array.find("\"" + std::string(word) + "\"") != std::string_view::npos;
}

}  // namespace

Tunnel::Tunnel(Services& services, Connection& connection, Visitor visitor)
    : services_(services),
      connection_(connection),
      visitor_(std::move(visitor)),
      streams_(services, connection, *this) {
  streams_.credit = static_cast<std::int64_t>(services.config.credit_connection.count());
}

void Tunnel::opened() {
  connection_.limit_messages(services_.config.hello_max.count());
  const auto now = services_.reactor.now();
  hello_by_ = now + services_.config.hello_timeout;
  replace_by_ = now + services_.config.max_age;
  recheck_at_ = now + services_.config.recheck;
}

std::uint16_t Tunnel::code_for(std::uint16_t code) const {
  return code == wire::ws_close::too_big ? too_big : code;
}

void Tunnel::received(std::string_view text) {
  const auto type = json_text(text, "t");
  if (!type || !is_json(text)) {
    connection_.close(bad_frame, "a frame is one JSON object with a type in \"t\"");
    return;
  }
  if (!greeted_) {
    if (*type == "hello") return hello(text);
    connection_.close(bad_frame, "the first frame is hello");
    return;
  }
  if (*type == "req") return request(text);
  if (*type == "body_part") return body_part(text);
  if (*type == "cancel") return cancel(text);
  if (*type == "win") return window(text);
  if (*type == "ack" || *type == "pong" || type->starts_with("x-")) return;
  if (*type == "ping") {
    std::string pong = R"({"t":"pong")";
    const auto stamp = json_member(text, "ts");
    if (!stamp.empty()) pong.append(",\"ts\":").append(stamp);
    return connection_.send(pong.append("}"));
  }
  if (*type == "hello") {
    connection_.close(too_many, "hello was said already");
    return;
  }
  refuse("", "bad_message", 400, "This type of frame is not known: " + type->substr(0, 64));
}

// --- hello and welcome

void Tunnel::hello(std::string_view frame) {
  if (json_number(frame, "v") != 1u) {
    return connection_.close(bad_frame, "this server speaks version 1 of the tunnel");
  }
  if (auto token = json_text(frame, "token"); token && !token->empty()) {
    if (!exchange::is_field_value(*token)) {
      return connection_.close(unauthorized, "the key is not valid");
    }
    visitor_.credentials = {{"Authorization", "Bearer " + *token}};
  }
  auto client = client_of_key();
  if (!client) {
    return connection_.close(unauthorized, "no key, or one that is not known here");
  }
  connection_.budget().pay_by(
      net::request_leases(services_.bytes, std::move(client->tenant), std::move(client->key)));
  connection_.limit_messages(services_.config.message_max.count());
  resumes_ = holds_word(json_member(frame, "caps"), "resume");
  const auto promised = json_number(frame, "keepalive").value_or(0);
  keepalive_ = milliseconds(static_cast<milliseconds::rep>(promised));
  welcome_by_ = services_.reactor.now() + welcome_patience;
  if (!resume_generations(frame)) return;
  greeted_ = true;  // all are listed: those that are there already wait for the others
  resumption_done();
}

/// Whose the connection's key is; nothing: it is none of ours, or not any more.
std::optional<exchange::ClientName> Tunnel::client_of_key() const {
  wire::RequestHead head;
  for (const auto& [name, value] : visitor_.credentials) head.fields.push_back({name, value});
  return services_.client_of(head, visitor_.names);
}

/// Takes up what its client names: each as if it were asked for by GET. Its events wait for the
/// welcome. False: the list was refused, and nothing was taken up.
bool Tunnel::resume_generations(std::string_view frame) {
  auto resumes = read_resumes(frame, services_.config.streams_max);
  if (!resumes) {
    const Error error = resumes.error();
    connection_.close(error.code == Code::too_large ? too_many : bad_frame, error.message);
    return false;
  }
  for (auto& [id, target] : *resumes) {
    const auto state = target ? Resumption::pending : Resumption::lost;
    if (!resumptions_.emplace(id, state).second || !target) continue;  // named twice, or nowhere
    ++pending_;
    Awaited request;
    request.given.method = "GET";
    request.given.target = std::move(*target);
    begin(id, std::move(request), true);
  }
  return true;
}

/// One of them is there, or is not.
void Tunnel::resumption(Stream& stream, bool found, std::string frame) {
  const auto named = resumptions_.find(stream.name);
  if (named != resumptions_.end() && named->second == Resumption::pending) {
    named->second = found ? Resumption::found : Resumption::lost;
    --pending_;
  }
  held_.push_back(std::move(frame));
  resumption_done();
}

void Tunnel::resumption_done() {
  if (pending_ == 0 && greeted_ && !welcomed_) welcome();
}

void Tunnel::welcome() {
  welcomed_ = true;
  const WebSocketConfig& config = services_.config;
  std::string text = R"({"t":"welcome")";
  add_text(text, "conn", "c-" + std::string(services_.ids.next().substr(4)));
  add_number(text, "hb", ms(config.heartbeat));
  if (keepalive_ > 0ms) add_number(text, "keepalive", ms(config.keepalive));
  add_number(text, "max_streams", config.streams_max);
  text.append(R"(,"credit":{"conn":)").append(std::to_string(config.credit_connection.count()));
  text.append(R"(,"stream":)").append(std::to_string(config.credit_stream.count())).append("}");
  add_number(text, "grace", ms(services_.grace));
  add_number(text, "max_age", ms(config.max_age));
  for (const auto& [name, wanted] : {std::pair("resumed", true), std::pair("lost", false)}) {
    text.append(",\"").append(name).append("\":[");
    bool first = true;
    for (const auto& [id, state] : resumptions_) {
      if ((state == Resumption::lost) == wanted) continue;
      if (!std::exchange(first, false)) text.push_back(',');
      append_json_string(text, id);
    }
    text.push_back(']');
  }
  connection_.send(text.append("}"));
  for (const auto& frame : held_) connection_.send(frame);
  for (const auto& [id, state] : resumptions_) {
    if (Stream* const stream = streams_.find(id)) {
      stream->credit = static_cast<std::int64_t>(config.credit_stream.count());
    }
  }
  held_.clear();
  resumptions_.clear();
  streams_.resume();
  if (services_.draining) drain();
}

// --- requests

void Tunnel::request(std::string_view frame) {
  auto id = id_of_frame(frame);
  if (!id) {
    connection_.close(bad_frame, "a req has an id of at most 128 bytes");
    return;
  }
  if (streams_.find(*id) != nullptr || awaited_.contains(*id)) {
    connection_.close(duplicate_id, "two open requests have the same id");
    return;
  }
  if (going_ && services_.draining) {
    return refuse(*id, "overloaded", 503, "The server goes down; use another connection.");
  }
  if (streams_.size() + awaited_.size() >= services_.config.streams_max) {
    return refuse(*id, "rate_limit", 429, "Too many requests are open on this connection.");
  }
  auto read = read_request(frame, visitor_.bound);
  if (!read) return refuse(*id, read.error());
  auto held = streams_.hold(read->given.body.size());
  if (!held) return refuse(*id, Streams::bodies_full());
  Awaited request{std::move(read->given), read->ttl, std::move(*held)};
  if (read->parts) {
    request.part_by = services_.reactor.now() + services_.body_timeout;
    connection_.wake();
    awaited_.emplace(std::move(*id), std::move(request));
  } else {
    begin(std::move(*id), std::move(request));
  }
}

/// The next piece of a body: text in "d", or bytes in "b64".
void Tunnel::body_part(std::string_view frame) {
  const auto id = json_text(frame, "id");
  const auto found = id ? awaited_.find(*id) : awaited_.end();
  if (found == awaited_.end()) {
    if (id) refuse(*id, "bad_message", 400, "No request waits for this part.");
    return;
  }
  std::string& body = found->second.given.body;
  const std::size_t before = body.size();
  bool valid = true;
  if (const auto text = json_text(frame, "d")) {
    body.append(*text);
  } else if (const auto coded = json_text(frame, "b64")) {
    const auto bytes = decode_base64(*coded);
    valid = bytes.has_value();
    if (valid) body.append(*bytes);
  }
  if (!valid || body.size() > services_.body_max) {
    awaited_.erase(found);
    if (!valid) return refuse(*id, "invalid_request", 400, "\"b64\" is not base64.");
    return refuse(*id, "too_large", 413, "The request body is larger than is allowed.");
  }
  if (!found->second.held.grow(body.size() - before)) {
    awaited_.erase(found);
    return refuse(*id, Streams::bodies_full());
  }
  found->second.part_by = services_.reactor.now() + services_.body_timeout;
  if (json_member(frame, "last") != "true") return;
  Awaited awaited = std::move(found->second);
  awaited_.erase(found);
  begin(*id, std::move(awaited));
}

/// Requests whose next part does not come. @return when the next one is due
Clock::time_point Tunnel::end_overdue_bodies(Clock::time_point now) {
  auto next = Clock::time_point::max();
  for (auto at = awaited_.begin(); at != awaited_.end();) {
    if (at->second.part_by > now) {
      next = std::min(next, at->second.part_by);
      ++at;
      continue;
    }
    refuse(at->first, "timeout", 408, "The rest of the request body did not come in time.");
    at = awaited_.erase(at);
  }
  return next;
}

/// @param wait  it may send nothing before it gets credit
void Tunnel::begin(std::string id, Awaited request, bool wait) {
  exchange::Call::Given& given = request.given;
  given.id = services_.ids.next();
  given.client_address = visitor_.address;
  given.client_names = visitor_.names;
  for (const auto& field : visitor_.credentials) given.fields.push_back(field);
  for (const auto& field : visitor_.bound) given.fields.push_back(field);
  if (resumes_) given.fields.emplace_back("x-hawser-resumable", "1");
  const auto credit = static_cast<std::int64_t>(services_.config.credit_stream.count());
  streams_.start({.name = std::move(id),
                  .given = std::move(given),
                  .held = std::move(request.held),
                  .credit = wait ? 0 : credit,
                  .ttl = request.ttl});
}

void Tunnel::cancel(std::string_view frame) {
  const auto id = json_text(frame, "id");
  if (!id) return;
  awaited_.erase(*id);
  Stream* const stream = streams_.find(*id);
  if (stream == nullptr) return;  // it ended at the same time
  stream->mute = json_text(frame, "mode") == "discard";
  streams_.stop(*stream);
}

/// Credit: what its client is ready to take. More than anybody needs stays what it is.
void Tunnel::window(std::string_view frame) {
  constexpr std::int64_t credit_max = std::int64_t{1} << 40;
  const auto add = static_cast<std::int64_t>(
      std::min<std::uint64_t>(json_number(frame, "add").value_or(0), 1ull << 32));
  const auto id = json_text(frame, "id");
  Stream* const stream = id ? streams_.find(*id) : nullptr;
  if (id && stream == nullptr) return;
  std::int64_t& credit = stream != nullptr ? stream->credit : streams_.credit;
  credit = std::min(credit + add, credit_max);
  streams_.resume();
}

void Tunnel::refuse(std::string_view id, std::string_view code, int status,
                    std::string_view message) {
  std::string text = R"({"t":"err")";
  if (!id.empty()) add_text(text, "id", id);
  add_text(text, "code", code);
  add_number(text, "s", static_cast<std::uint64_t>(status));
  add_text(text, "message", message);
  connection_.send(text.append(R"(,"resumable":false})"));
}

void Tunnel::refuse(std::string_view id, const Error& error) {
  refuse(id, name_of(error.code), dialect::status_of(error), error.message);
}

// --- answers

void Tunnel::head(Stream& stream, const generation::AnswerHead& head) {
  std::string text = R"({"t":"head")";
  add_text(text, "id", stream.name);
  add_number(text, "s", static_cast<std::uint64_t>(head.status));
  constexpr std::string_view name = "x-hawser-generation: ";
  if (const auto at = head.fields.find(name); at != std::string::npos) {
    const auto begin = at + name.size();
    add_text(text, "gen",
             std::string_view(head.fields).substr(begin, head.fields.find("\r\n", at) - begin));
  }
  std::string fields = head.fields;
  fields.append("x-request-id: ").append(stream.call.exchange().id).append("\r\n");
  const auto& limits = stream.call.exchange().answer_fields;
  if (limits) fields.append(*limits);
  const auto& trail = stream.call.exchange().trail;
  if (trail.target != nullptr) {
    fields.append("x-hawser-target: ").append(trail.target->name).append("\r\n");
    fields.append("x-hawser-attempts: ").append(std::to_string(trail.attempts)).append("\r\n");
  }
  add_fields(text, fields);
  text.append("}");
  if (!welcomed_) return resumption(stream, true, std::move(text));
  connection_.send(text);
}

std::size_t Tunnel::event(Stream& stream, const Event& event) {
  std::string& text = scratch_;
  text.assign(R"({"t":"ev","id":)");
  append_json_string(text, stream.name);
  add_number(text, "q", event.seq);
  if (event.merged > 1) add_number(text, "n", event.merged);
  if (!event.name.empty()) add_text(text, "e", event.name);
  std::string_view data = event.data;
  const bool structured = data.starts_with('{') || data.starts_with('[');
  if (event.piece && !(structured && is_json(data))) {
    text.append(R"(,"b64":")");
    append_base64(text, data);
    data = "\"";
  } else if (is_json(data)) {
    text.append(",\"d\":");
  } else {
    add_text(text, "x", data);  // [DONE]
    data = {};
  }
  connection_.send_parts(text, data, "}");
  const std::size_t size = text.size() + data.size() + 1;
  if (text.capacity() > 16 * 1024) std::string().swap(text);
  stream.last_seq = event.seq;
  return size;
}

void Tunnel::end(Stream& stream, const dialect::Usage& usage) {
  std::string text = R"({"t":"end")";
  add_text(text, "id", stream.name);
  if (stream.last_seq) add_number(text, "q", *stream.last_seq);
  if (usage.known) {
    text.append(R"(,"usage":{"input_tokens":)").append(std::to_string(usage.input));
    text.append(R"(,"output_tokens":)").append(std::to_string(usage.output)).append("}");
  }
  connection_.send(text.append("}"));
}

void Tunnel::failed(Stream& stream, const Error& error) {
  const auto& endpoint = stream.call.exchange().request.endpoint;
  std::string text = R"({"t":"err")";
  add_text(text, "id", stream.name);
  add_text(text, "code", name_of(error.code));
  add_number(text, "s", static_cast<std::uint64_t>(dialect::status_of(error)));
  add_text(text, "message", error.message);
  if (error.retry_after) add_number(text, "retry_ms", ms(*error.retry_after));
  text.append(error.client_may_retry ? R"(,"retry":true)" : R"(,"retry":false)");
  if (const auto& limits = stream.call.exchange().answer_fields) add_fields(text, *limits);
  text.append(R"(,"resumable":false,"body":)");
  text.append(dialect::error_body(endpoint.dialect, error, stream.call.exchange().id));
  text.append("}");
  if (!welcomed_) return resumption(stream, false, std::move(text));
  connection_.send(text);
}

// --- time

Clock::time_point Tunnel::attend(Clock::time_point now) {
  if (!greeted_) {
    if (now >= hello_by_) connection_.close(no_hello, "no hello came");
    return hello_by_;
  }
  if (!welcomed_) {
    if (now >= welcome_by_) welcome();
    return welcome_by_;
  }
  if (now >= recheck_at_) {
    recheck_at_ = now + services_.config.recheck;
    if (!client_of_key()) connection_.close(unauthorized, "the key is not known any more");
  }
  if (now >= replace_by_) {
    if (going_) {
      connection_.close(going_down, "the connection is too old");
    } else {
      say_goaway("max_age", 10s, true);
      replace_by_ = now + 10s;
    }
  }
  if (going_ && services_.draining && streams_.size() == 0) {
    connection_.close(going_down, "the server goes down");
  }
  const auto soon = going_ ? now + 100ms : Clock::time_point::max();
  const auto part = end_overdue_bodies(now);
  return std::min({streams_.attend(now), recheck_at_, replace_by_, part, soon});
}

void Tunnel::say_goaway(std::string_view why, milliseconds left, bool resumable) {
  going_ = true;
  std::string text = R"({"t":"goaway")";
  add_text(text, "why", why);
  add_number(text, "in_ms", ms(left));
  connection_.send(text.append(resumable ? R"(,"resumable":true})" : R"(,"resumable":false})"));
}

/// What runs here ends with this process: its client stays until it is done, and begins nothing
/// new.
void Tunnel::drain() {
  if (!welcomed_ || streams_.size() == 0) {
    connection_.close(going_down, "the server goes down");
    return;
  }
  say_goaway("drain", 0ms, false);
  connection_.wake();
}

/// A normal close is its user's will: nothing goes on for nobody. So is a page that is left, unless
/// its client said that it comes back.
void Tunnel::closed(std::uint16_t code) {
  const bool left = code == wire::ws_close::going_away && !resumes_;
  if (code == wire::ws_close::normal || code == wire::ws_close::no_status || left) {
    streams_.stop_all();
  }
  streams_.lose();
}

}  // namespace hawser::front::websocket
