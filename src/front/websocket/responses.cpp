#include "front/websocket/responses.hpp"

#include <algorithm>
#include <ctime>

#include "base/json.hpp"
#include "dialect/error_body.hpp"

namespace hawser::front::websocket {
namespace {

constexpr std::size_t lane_name_max = 128;
constexpr std::size_t response_id_max = 256;
constexpr std::size_t model_name_max = 256;
constexpr std::size_t refusal_max = 64 * 1024;  // bytes of an answer that is no stream

/// The same object without some members.
std::string without(std::string_view object, std::initializer_list<std::string_view> names) {
  std::string out = "{";
  for_each_member(object, [&](std::string_view name, std::string_view value) {
    const std::string_view plain = name.substr(1, name.size() - 2);
    for (const auto left_out : names) {
      if (plain == left_out) return true;
    }
    if (out.size() > 1) out.push_back(',');
    out.append(name).append(":").append(value);
    return true;
  });
  return out.append("}");
}

/// What stands in an array, or a text as one message of the user's.
std::string items_of(std::string_view input) {
  if (input.starts_with('[')) {
    auto inside = input.substr(1, input.size() - 2);
    const auto begin = inside.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return {};
    return std::string(inside.substr(begin, inside.find_last_not_of(" \t\r\n") + 1 - begin));
  }
  if (!input.starts_with('"')) return {};
  return R"({"type":"message","role":"user","content":)" + std::string(input) + "}";
}

std::string joined(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return a + b;
  return a + "," + b;
}

Error invalid(std::string message, std::string param = {}) {
  return {.code = Code::invalid_request, .message = std::move(message), .param = std::move(param)};
}

/// What a member means that is a string; nothing where it is missing or something else.
std::optional<std::string> text_of(std::string_view member) {
  std::string text;
  if (!decode_json_string(member, text)) return std::nullopt;
  return text;
}

}  // namespace

/// A message of the client, with the members that are looked at: found in one pass, for it may be
/// long.
struct Responses::Frame {
  std::string_view text{};  // one JSON object
  std::string_view type{}, stream_id{}, generate{}, model{}, input{}, previous_response_id{},
      store{};

  /// False: it is no JSON object.
  bool read(std::string_view message) {
    static constexpr std::pair<std::string_view, std::string_view Frame::*> members[] = {
        {"type", &Frame::type},         {"stream_id", &Frame::stream_id},
        {"generate", &Frame::generate}, {"model", &Frame::model},
        {"input", &Frame::input},       {"previous_response_id", &Frame::previous_response_id},
        {"store", &Frame::store}};
    if (!is_json(message)) return false;
    text = message;
    std::string decoded;
    return for_each_member(message, [&](std::string_view name, std::string_view value) {
      if (!decode_json_string(name, decoded)) return false;
      for (const auto& [known, place] : members) {
        if (known == decoded && (this->*place).empty()) this->*place = value;
      }
      return true;
    });
  }
};

Responses::Responses(Services& services, Connection& connection, Visitor visitor)
    : services_(services),
      connection_(connection),
      visitor_(std::move(visitor)),
      streams_(services, connection, *this) {}

void Responses::opened() {
  replace_by_ = services_.reactor.now() + services_.config.max_age;
}

void Responses::received(std::string_view text) {
  Frame frame;
  if (!frame.read(text)) return refuse("", invalid("A message is one JSON object."));
  const auto type = text_of(frame.type);
  if (type == "response.create") return create(frame);
  if (type == "response.cancel") {
    const auto lane = text_of(frame.stream_id).value_or("");
    if (Stream* const stream = streams_.find(name_of_lane(lane))) streams_.stop(*stream);
    return;
  }
  if (type == "ping") return connection_.send(R"({"type":"pong"})");
  refuse(
      text_of(frame.stream_id).value_or(""),
      invalid("This type of event is not known: " + type.value_or("none").substr(0, 64), "type"));
}

void Responses::create(const Frame& frame) {
  Asked asked;
  asked.lane = text_of(frame.stream_id).value_or("");
  if (asked.lane.size() > lane_name_max) {
    return refuse("", invalid("stream_id is longer than 128 bytes.", "stream_id"));
  }
  if (services_.draining) {
    return refuse(asked.lane, {.code = Code::overloaded, .message = "The server goes down."});
  }
  if (!asked.lane.empty() && !lanes_.contains(asked.lane) &&
      lanes_.size() >= services_.config.responses_lanes_max) {
    return refuse(asked.lane, invalid("This connection has too many streams.", "stream_id"),
                  "websocket_stream_limit_reached");
  }
  if (streams_.size() + waiting_count_ >= services_.config.responses_in_flight_max) {
    return refuse(asked.lane, invalid("This connection has too many responses in flight."),
                  "websocket_stream_limit_reached");
  }
  if (!asked.lane.empty()) lanes_.insert(asked.lane);
  if (!expand(frame, asked)) return;
  if (frame.generate == "false") {
    if (frame.model.size() > model_name_max) {
      return refuse(asked.lane, invalid("The name of the model is too long.", "model"));
    }
    if (!known_key()) {
      return refuse(asked.lane, {.code = Code::authentication,
                                 .message = "The key of this connection is not known any more."});
    }
    return warm_up(asked, frame);
  }
  accept(std::move(asked));
}

/// Makes the body of the call. What builds on a response that no provider keeps gets all that came
/// before it in its input. False: it was refused.
bool Responses::expand(const Frame& frame, Asked& asked) {
  const bool kept = frame.store != "false";
  const auto previous = text_of(frame.previous_response_id);
  const auto turn = previous ? turns_.find(*previous) : turns_.end();
  const std::string own = items_of(frame.input);
  if (previous && turn == turns_.end() && !kept) {
    refuse(asked.lane,
           invalid("Previous response with id '" + previous->substr(0, 64) + "' not found.",
                   "previous_response_id"),
           "previous_response_not_found");
    return false;
  }
  const bool builds = turn != turns_.end();
  // Its body, and the items that a next one may build on: each at most what came and what is kept.
  const std::size_t earlier = builds ? turn->second.items.size() : 0;
  auto held = streams_.hold(2 * (frame.text.size() + earlier));
  if (!held) {
    refuse(asked.lane, Streams::bodies_full());
    return false;
  }
  asked.held = std::move(*held);
  asked.items = builds ? joined(turn->second.items, own) : own;
  asked.body = without(frame.text, {"type", "stream_id", "stream", "background", "generate"});
  if (builds) {
    asked.body = without(asked.body, {"previous_response_id", "input"});
    asked.body.insert(1, "\"input\":[" + asked.items + "]" + (asked.body.size() > 2 ? "," : ""));
  }
  asked.body.insert(1, asked.body.size() > 2 ? R"("stream":true,)" : R"("stream":true)");
  if (kept && !builds) asked.items.clear();
  return true;
}

/// What no provider is asked for does not go through the pipeline, which would tell.
bool Responses::known_key() const {
  wire::RequestHead head;
  for (const auto& [name, value] : visitor_.credentials) head.fields.push_back({name, value});
  return services_.client_of(head, visitor_.names).has_value();
}

/// `generate: false`: what follows can build on it; nothing is asked of a provider.
void Responses::warm_up(const Asked& asked, const Frame& frame) {
  std::string id = "resp_" + std::string(services_.ids.next().substr(4));
  remember(id, asked.items.empty() ? items_of(frame.input) : asked.items);
  std::string model(frame.model);
  if (model.empty()) model = "null";
  int number = 0;
  for (const auto& [type, status] : {std::pair("response.created", "in_progress"),
                                     std::pair("response.completed", "completed")}) {
    std::string event = R"({"type":")";
    event.append(type).append(R"(","sequence_number":)").append(std::to_string(number++));
    event.append(R"(,"response":{"id":")")
        .append(id)
        .append(R"(","object":"response","created_at":)");
    event.append(std::to_string(std::time(nullptr))).append(R"(,"status":")").append(status);
    event.append(R"(","model":)").append(model).append(R"(,"output":[]}})");
    send_event(asked.lane, event);
  }
}

void Responses::accept(Asked asked) {
  if (streams_.find(name_of_lane(asked.lane)) == nullptr) return start(std::move(asked));
  ++waiting_count_;
  waiting_[asked.lane].push_back(std::move(asked));
}

void Responses::start(Asked asked) {
  const std::string name = name_of_lane(asked.lane);
  exchange::Call::Given given;
  given.id = services_.ids.next();
  given.method = "POST";
  given.target = "/v1/responses";
  given.fields = visitor_.credentials;
  for (const auto& field : visitor_.bound) given.fields.push_back(field);
  given.fields.emplace_back("Content-Type", "application/json");
  given.body = std::move(asked.body);
  given.client_address = visitor_.address;
  given.client_names = visitor_.names;
  if (!asked.items.empty()) items_[name] = std::move(asked.items);
  streams_.start({.name = name,
                  .given = std::move(given),
                  .held = std::move(asked.held),
                  .credit = std::int64_t{1} << 62,
                  .lane = std::move(asked.lane)});
}

/// Keeps what a next response may build on; the oldest go beyond the bound.
void Responses::remember(std::string id, std::string items) {
  const std::size_t bytes_max = services_.config.responses_turns_bytes_max.count();
  if (items.size() > bytes_max || id.size() > response_id_max) return;
  auto held = connection_.budget().share();
  while (!held.grow(items.size())) {
    if (turn_order_.empty()) return;  // who builds on it is told that it is not known
    forget_oldest();
  }
  const auto [turn, fresh] = turns_.try_emplace(id);
  turns_size_ += items.size();
  turns_size_ -= turn->second.items.size();
  turn->second = {std::move(items), std::move(held)};
  if (fresh) turn_order_.push_back(std::move(id));
  while (turns_size_ > bytes_max || turn_order_.size() > services_.config.responses_turns_max) {
    forget_oldest();
  }
}

void Responses::forget_oldest() {
  const auto oldest = turns_.find(turn_order_.front());
  if (oldest != turns_.end()) {
    turns_size_ -= std::min(turns_size_, oldest->second.items.size());
    turns_.erase(oldest);
  }
  turn_order_.pop_front();
}

// --- answers

/// The event as it came, with the lane that it belongs to.
void Responses::send_event(std::string_view lane, std::string_view event) {
  if (lane.empty() || !event.starts_with('{')) return connection_.send(event);
  std::string named = R"({"stream_id":)";
  append_json_string(named, lane);
  if (event.size() > 2) named.push_back(',');
  connection_.send_parts(named, event.substr(1), {});
}

void Responses::head(Stream& stream, const generation::AnswerHead&) {
  whole_.erase(stream.name);
}

std::size_t Responses::event(Stream& stream, const Event& event) {
  if (event.piece) {
    std::string& whole = whole_[stream.name];
    whole.append(event.data.substr(0, refusal_max - std::min(refusal_max, whole.size())));
    return event.data.size();
  }
  if (event.data == "[DONE]") return 0;
  progress_[stream.name].see_data(event.data);
  send_event(stream.lane, event.data);
  const auto items = items_.find(stream.name);
  const bool last = event.name == "response.completed" ||
                    (event.name.empty() && json_text(event.data, "type") == "response.completed");
  if (items != items_.end() && last) {
    const std::string_view response = json_member(event.data, "response");
    if (auto id = json_text(response, "id")) {
      remember(std::move(*id), joined(items->second, items_of(json_member(response, "output"))));
    }
  }
  return event.data.size();
}

/// An answer that is no stream is the provider's refusal.
void Responses::end(Stream& stream, const dialect::Usage&) {
  const auto found = whole_.find(stream.name);
  if (found == whole_.end()) return;
  const std::string body = std::move(found->second);
  whole_.erase(found);
  const std::string_view error = json_member(body, "error");
  std::string event = R"({"type":"error","status":)";
  event.append(std::to_string(stream.call.exchange().trail.status)).append(",\"error\":");
  event.append(!error.empty() && is_json(error) ? std::string(error) : "null").append("}");
  send_event(stream.lane, event);
}

void Responses::failed(Stream& stream, const Error& error) {
  refuse(stream.lane, error);
  // Some clients know the ends of a response only.
  const auto progress = progress_.find(stream.name);
  if (progress == progress_.end() || !progress->second.begun()) return;
  send_event(stream.lane, progress->second.failed_data(error));
}

void Responses::refuse(std::string_view lane, const Error& error, std::string_view code) {
  std::string body = dialect::error_body(dialect::Dialect::openai, error, "");
  std::string inner(json_member(body, "error"));
  if (!code.empty()) {
    inner = without(inner, {"code"});
    inner.insert(1, "\"code\":\"" + std::string(code) + "\",");
  }
  std::string event = R"({"type":"error","status":)";
  event.append(std::to_string(dialect::status_of(error))).append(",\"error\":").append(inner);
  send_event(lane, event.append("}"));
}

/// The next one of its lane.
void Responses::ended(Stream& stream) {
  items_.erase(stream.name);
  whole_.erase(stream.name);
  progress_.erase(stream.name);
  const auto waiting = waiting_.find(stream.lane);
  if (waiting == waiting_.end()) return;
  Asked next = std::move(waiting->second.front());
  waiting->second.pop_front();
  --waiting_count_;
  if (waiting->second.empty()) waiting_.erase(waiting);
  start(std::move(next));
}

// --- time

Clock::time_point Responses::attend(Clock::time_point now) {
  if (services_.draining && streams_.size() == 0) drain();
  if (now >= replace_by_) {
    refuse("", invalid("This connection is too old; create a new one to go on."),
           "websocket_connection_limit_reached");
    connection_.close(wire::ws_close::normal, "too old");
  }
  const auto soon = services_.draining ? now + 100ms : Clock::time_point::max();
  return std::min({streams_.attend(now), replace_by_, soon});
}

void Responses::drain() {
  if (streams_.size() == 0) connection_.close(wire::ws_close::going_away, "the server goes down");
  connection_.wake();
}

void Responses::closed(std::uint16_t code) {
  waiting_.clear();
  waiting_count_ = 0;
  if (code != wire::ws_close::lost) streams_.stop_all();
  streams_.lose();
}

}  // namespace hawser::front::websocket
