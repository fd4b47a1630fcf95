#include "front/websocket/chat.hpp"

#include "base/json.hpp"
#include "dialect/error_body.hpp"

namespace hawser::front::websocket {
namespace {

constexpr std::size_t queue_max = 16;

Error invalid(std::string message) {
  return {.code = Code::invalid_request, .message = std::move(message)};
}

/// The body as a request for a stream, unless it says whether it wants one.
std::string streamed(std::string_view body) {
  std::string out(body);
  if (json_member(body, "stream").empty()) {
    const auto brace = out.find('{');
    const bool empty = out.find_first_not_of(" \t\r\n", brace + 1) == out.rfind('}');
    out.insert(brace + 1, empty ? R"("stream":true)" : R"("stream":true,)");
  }
  return out;
}

}  // namespace

Chat::Chat(Services& services, Connection& connection, Visitor visitor)
    : services_(services),
      connection_(connection),
      visitor_(std::move(visitor)),
      streams_(services, connection, *this) {}

void Chat::received(std::string_view text) {
  const auto refuse = [this](const Error& error) {
    connection_.send(dialect::error_body(dialect::Dialect::openai, error, ""));
  };
  if (!is_json(text) || text.find_first_not_of(" \t\r\n") != text.find('{')) {
    return refuse(invalid("A message is one JSON object."));
  }
  const auto type = json_text(text, "type");
  if (type == "ping") return connection_.send(R"({"type":"pong"})");
  if (type == "pong") return;
  if (type == "cancel") {
    queue_.clear();
    return streams_.stop_all();
  }
  if (type) return refuse(invalid("This type of message is not known: " + type->substr(0, 64)));
  if (json_member(text, "messages").empty()) {
    return refuse(invalid("A chat has a model and messages."));
  }
  if (services_.draining) {
    return refuse({.code = Code::overloaded, .message = "The server goes down."});
  }
  if (queue_.size() >= queue_max) {
    return refuse({.code = Code::rate_limit, .message = "Too many chats wait on this connection."});
  }
  auto held = streams_.hold(text.size());
  if (!held) return refuse(Streams::bodies_full());
  Waiting chat{streamed(text), std::move(*held)};
  if (streams_.size() == 0) return start(std::move(chat));
  queue_.push_back(std::move(chat));
}

void Chat::start(Waiting chat) {
  exchange::Call::Given given;
  given.id = services_.ids.next();
  given.method = "POST";
  given.target = "/v1/chat/completions";
  given.fields = visitor_.credentials;
  for (const auto& field : visitor_.bound) given.fields.push_back(field);
  given.fields.emplace_back("Content-Type", "application/json");
  given.body = std::move(chat.body);
  given.client_address = visitor_.address;
  given.client_names = visitor_.names;
  streams_.start({.name = "chat",
                  .given = std::move(given),
                  .held = std::move(chat.held),
                  .credit = std::int64_t{1} << 62});
}

void Chat::head(Stream&, const generation::AnswerHead&) {
  whole_.clear();
}

std::size_t Chat::event(Stream&, const Event& event) {
  if (event.piece) {
    if (whole_.size() + event.data.size() <= services_.body_max) whole_.append(event.data);
  } else {
    connection_.send(event.data);
  }
  return event.data.size();
}

void Chat::end(Stream&, const dialect::Usage&) {
  if (!whole_.empty()) connection_.send(whole_);
  std::string().swap(whole_);
}

void Chat::failed(Stream& stream, const Error& error) {
  connection_.send(dialect::error_body(dialect::Dialect::openai, error, stream.call.exchange().id));
}

void Chat::ended(Stream&) {
  if (queue_.empty()) return;
  Waiting next = std::move(queue_.front());
  queue_.pop_front();
  start(std::move(next));
}

Clock::time_point Chat::attend(Clock::time_point now) {
  if (!services_.draining) return streams_.attend(now);
  if (streams_.size() == 0) connection_.close(wire::ws_close::going_away, "the server goes down");
  return now + 100ms;
}

void Chat::drain() {
  queue_.clear();
  if (streams_.size() == 0) connection_.close(wire::ws_close::going_away, "the server goes down");
  connection_.wake();
}

void Chat::closed(std::uint16_t code) {
  queue_.clear();
  if (code != wire::ws_close::lost) streams_.stop_all();
  streams_.lose();
}

}  // namespace hawser::front::websocket
