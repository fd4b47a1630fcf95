#include "exchange/call.hpp"

#include "wire/sse.hpp"

namespace hawser::exchange {
namespace {

bool is_json(const wire::RequestHead& head, dialect::Api api) {
  const auto* type = head.find("content-type");
  if (type == nullptr) return api != dialect::Api::other;
  return type->value.substr(0, type->value.find(';')).find("json") != std::string_view::npos;
}

}  // namespace

Call::Call(Given given, Clock::time_point now)
    : given_(std::move(given)), exchange_(cancellation_) {
  const std::string_view target = given_.target;
  const auto question = target.find('?');
  head_.method = given_.method;
  head_.target = target;
  head_.path = target.substr(0, question);
  if (question != std::string_view::npos) head_.query = target.substr(question + 1);
  for (const auto& [name, value] : given_.fields) head_.fields.push_back({name, value});
  if (!given_.body.empty()) {
    head_.framing = wire::Framing::length;
    head_.content_length = given_.body.size();
  }
  exchange_.id = given_.id;
  exchange_.method = head_.method;
  exchange_.path = head_.path;
  exchange_.arrived = now;
  Request& request = exchange_.request;
  request.head = &head_;
  request.endpoint = dialect::endpoint_of(head_.method, head_.path);
  request.client_address = given_.client_address;
  if (!given_.client_names.empty()) request.client_names = &given_.client_names;
  request.framing = head_.framing;
  request.content_length = head_.content_length;
  request.json = is_json(head_, request.endpoint.api);
  request.source = this;
  exchange_.trail.bytes_in = given_.body.size();
}

Call::Given copy_request(const Exchange& exchange) {
  Call::Given given;
  given.id = exchange.id;
  given.method = exchange.method;
  given.target = exchange.request.head->target;
  for (const auto& field : exchange.request.head->fields) {
    given.fields.emplace_back(field.name, field.value);
  }
  given.body = exchange.request.body;
  given.client_address = exchange.request.client_address;
  if (const auto* names = exchange.request.client_names) given.client_names = *names;
  return given;
}

Task<Result<>> Call::load(Request& request) {
  // What carries it is compressed as a whole, or not: nobody reads a body in another coding.
  const std::string_view coding = request.header("content-encoding");
  if (!coding.empty() && !wire::same_token(coding, "identity")) {
    return Result<>(Error{.code = Code::invalid_request,
                          .message = "A request over this transport must not be compressed.",
                          .param = "Content-Encoding",
                          .status = 415});
  }
  request.body = given_.body;
  return Result<>();
}

void Call::lose_client() {
  if (exchange_.outlives != nullptr && exchange_.outlives->client_gone(exchange_)) return;
  cancellation_.cancel();
}

Task<Result<generation::Batch>> AnswerReader::next() {
  if (generation::Reader* const from = reader()) {
    for (;;) {
      auto batch = from->next();
      if (!batch || batch->run.count > 0 || batch->last) co_return batch;
      const auto waited = co_await from->wait(Clock::time_point::max());
      if (waited == net::IoStatus::cancelled) {
        co_return Error{.code = Code::cancelled, .message = "cancelled"};
      }
    }
  }
  auto piece = co_await answer_->content().next();
  if (!piece) co_return piece.error();
  generation::Batch batch{.run = {seq_, std::max(piece->events, 1u), piece->bytes},
                          .last = piece->last};
  if (piece->bytes.empty()) batch.run.count = 0;
  seq_ += batch.run.count;
  co_return batch;
}

dialect::Usage AnswerReader::usage() const {
  if (const auto* from = answer_->reader()) return from->usage();
  return answer_->content().usage();
}

void AnswerReader::delivered() {
  if (auto* from = reader()) from->delivered();
}

void AnswerReader::cancel() {
  if (auto* from = reader()) from->cancel_generation();
}

}  // namespace hawser::exchange
