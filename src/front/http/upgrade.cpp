// A connection that leaves HTTP: RFC 9110, 7.8.
#include "dialect/error_body.hpp"
#include "front/http/early_answer.hpp"
#include "front/http/session.hpp"

namespace hawser::front::http {

/// Whether the request asks for what another front speaks on this path.
bool Session::asks_for_upgrade() const {
  if (!services_.upgrade || head_.method != "GET" || !services_.upgrades(head_.path)) return false;
  const auto* upgrade = head_.find("upgrade");
  const auto* connection = head_.find("connection");
  return upgrade != nullptr && connection != nullptr &&
         wire::list_has(upgrade->value, "websocket") &&
         wire::list_has(connection->value, "upgrade");
}

/// Hands the connection over until it is over. @return false: nothing follows
Task<bool> Session::upgrade() {
  if (const auto refused = foreign_page()) {
    co_await refuse_upgrade(*refused, {});
    co_return false;
  }
  detach_head();
  std::string fields;
  auto admitted = services_.upgrade({head_, client_address_, client_names_}, fields);
  if (!admitted) {
    co_await refuse_upgrade(admitted.error(), fields);
    co_return false;
  }
  services_.shard.add(services_.metrics.requests(101));
  const std::string head =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + fields +
      "\r\n";
  std::string().swap(kept_head_);
  std::vector<wire::Field>().swap(head_.fields);
  const std::string_view parts[] = {head};
  const auto by = Clock::now() + limits_.write_timeout;
  if (co_await stream_->send(parts, by) != net::IoStatus::ok) co_return false;
  upgraded_ = (*admitted)->open(*stream_, in_);
  admitted->reset();
  if (services_.draining) upgraded_->drain();
  co_await upgraded_->run();
  upgraded_.reset();
  co_await linger_for(milliseconds(1000));
  co_return false;
}

Task<> Session::refuse_upgrade(const Error& error, std::string_view fields) {
  const std::string id(services_.ids.next());
  const std::string body = dialect::error_body(dialect::Dialect::openai, error, id);
  generation::AnswerHead head;
  head.status = dialect::status_of(error);
  head.length = body.size();
  head.fields = "Content-Type: application/json\r\nx-request-id: " + id + "\r\n";
  head.fields.append("request-id: ").append(id).append("\r\n").append(fields);
  ResponseWriter writer(*stream_, limits_.write_timeout);
  writer.begin({.head = head, .keep_alive = false});
  note_early(services_, {.id = id,
                         .client = client_address_,
                         .method = head_.method,
                         .path = head_.path,
                         .status = head.status,
                         .error = error.code,
                         .arrived = arrived_,
                         .bytes_out = body.size()});
  if (co_await writer.write(body, true)) co_await linger();
}

}  // namespace hawser::front::http
