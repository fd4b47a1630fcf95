#include "front/websocket/handshake.hpp"

#include <algorithm>

#include "base/base64.hpp"
#include "base/credential_headers.hpp"
#include "front/websocket/chat.hpp"
#include "front/websocket/request_fields.hpp"
#include "front/websocket/responses.hpp"
#include "front/websocket/tunnel.hpp"

namespace hawser::front::websocket {
namespace {

constexpr std::string_view tunnel_path = "/v1/tunnel";
constexpr std::string_view chat_path = "/v1/chat";
constexpr std::string_view responses_path = "/v1/responses";
constexpr std::string_view tunnel_protocol = "hawser.v1+json";

Error bad(std::string message, int status = 400) {
  Error error{.code = Code::invalid_request, .message = std::move(message)};
  error.status = status;
  return error;
}

/// Browsers can set no header: their key stands among the subprotocols, as ours or as OpenAI's
/// clients name it. Nothing when `offered` is no key.
std::optional<std::string> key_in(std::string_view offered) {
  constexpr std::string_view ours = "bearer.";
  constexpr std::string_view openais = "openai-insecure-api-key.";
  if (offered.starts_with(ours)) {
    return decode_base64(offered.substr(ours.size())).value_or("malformed");
  }
  if (offered.starts_with(openais)) return std::string(offered.substr(openais.size()));
  return std::nullopt;
}

}  // namespace

bool serves(std::string_view path) {
  return path == tunnel_path || path == chat_path || path == responses_path;
}

Result<> Handshake::check(std::string& fields) const {
  const auto* version = head.find("sec-websocket-version");
  if (version == nullptr || version->value != "13") {
    fields += "Sec-WebSocket-Version: 13\r\n";
    return bad("Only version 13 of WebSocket is spoken here.", 426);
  }
  const auto* key = head.find("sec-websocket-key");
  if (head.minor_version < 1 || head.framing != wire::Framing::none || key == nullptr ||
      !wire::valid_ws_key(key->value)) {
    return bad("The WebSocket handshake is malformed.");
  }
  return {};
}

/// Keys and the subprotocol. The key of a tunnel may also come in its hello.
Result<Visitor> Handshake::visitor(std::string& fields) const {
  Visitor visitor;
  visitor.address = client_address;
  visitor.names = client_names;
  std::string chosen;
  bool others = false, browser = false;
  for (const wire::Field& field : head.fields) {
    if (is_key_header(field.name)) visitor.credentials.emplace_back(field.name, field.value);
    if (exchange::binds_requests(field.name)) visitor.bound.emplace_back(field.name, field.value);
    if (!wire::same_token(field.name, "sec-websocket-protocol")) continue;
    std::string_view list = field.value;
    while (!list.empty()) {
      const auto comma = std::min(list.find(','), list.size());
      std::string_view offered = list.substr(0, comma);
      list.remove_prefix(std::min(comma + 1, list.size()));
      while (offered.starts_with(' ')) offered.remove_prefix(1);
      while (offered.ends_with(' ')) offered.remove_suffix(1);
      if (auto token = key_in(offered)) {
        if (!exchange::is_field_value(*token))
          return bad("The key among the subprotocols is malformed.");
        visitor.credentials.emplace_back("Authorization", "Bearer " + *token);
        browser = true;
      } else if (head.path != tunnel_path || offered == tunnel_protocol) {
        if (chosen.empty()) chosen = offered;
      } else {
        others = true;
      }
    }
  }
  if (head.path == tunnel_path && chosen.empty() && others) {
    return bad("The subprotocol of a tunnel is hawser.v1+json.");
  }
  if (!chosen.empty()) fields += "Sec-WebSocket-Protocol: " + chosen + "\r\n";
  wire::RequestHead keys;
  for (const auto& [name, value] : visitor.credentials) keys.fields.push_back({name, value});
  // A browser is not told the status of a handshake: it gets a close code in its place.
  const bool later = head.path == tunnel_path && (browser || visitor.credentials.empty());
  auto client = later ? std::nullopt : services.client_of(keys, visitor.names);
  if (!later && !client) {
    return Error{.code = Code::authentication,
                 .message = visitor.credentials.empty() ? "You didn't provide an API key."
                                                        : "Incorrect API key provided."};
  }
  if (client) visitor.client = std::move(*client);
  visitor.known = !later || services.keyless;
  return visitor;
}

Result<Accepted> Handshake::accept(std::string& fields) const {
  auto checked = check(fields);
  if (!checked) return checked.error();
  auto who = visitor(fields);
  if (!who) {
    fields.clear();
    return who.error();
  }
  fields +=
      "Sec-WebSocket-Accept: " + wire::ws_accept(head.find("sec-websocket-key")->value) + "\r\n";
  using Speaks = Accepted::Speaks;
  const Speaks speaks = head.path == tunnel_path ? Speaks::tunnel
                        : head.path == chat_path ? Speaks::chat
                                                 : Speaks::responses;
  return Accepted(services, speaks, std::move(*who));
}

std::unique_ptr<Session> Accepted::open(net::Stream& stream, net::InBuffer& in) {
  auto session = std::make_unique<Session>(*services_, visitor_.client, stream, in);
  Connection& connection = session->connection_;
  switch (speaks_) {
    case Speaks::tunnel:
      session->protocol_ = std::make_unique<Tunnel>(*services_, connection, std::move(visitor_));
      break;
    case Speaks::chat:
      session->protocol_ = std::make_unique<Chat>(*services_, connection, std::move(visitor_));
      break;
    case Speaks::responses:
      session->protocol_ = std::make_unique<Responses>(*services_, connection, std::move(visitor_));
      break;
  }
  return session;
}

}  // namespace hawser::front::websocket
