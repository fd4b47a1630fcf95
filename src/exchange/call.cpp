#include "exchange/call.hpp"

#include "exchange/identify.hpp"
#include "wire/sse.hpp"

namespace hawser::exchange {

void describe(const Call::Given& given, wire::RequestHead& head, Request& request) {
  const std::string_view target = given.target;
  const auto question = target.find('?');
  head.method = given.method;
  head.target = target;
  head.path = target.substr(0, question);
  if (question != std::string_view::npos) head.query = target.substr(question + 1);
  for (const auto& [name, value] : given.fields) head.fields.push_back({name, value});
  if (!given.body.empty()) {
    head.framing = wire::Framing::length;
    head.content_length = given.body.size();
  }
  request.head = &head;
  request.client_address = given.client_address;
  if (!given.client_names.empty()) request.client_names = &given.client_names;
  request.framing = head.framing;
  request.content_length = head.content_length;
  identify(request, head.method, head.path);
}

Call::Call(Given given, Clock::time_point now)
    : given_(std::move(given)), exchange_(cancellation_) {
  describe(given_, head_, exchange_.request);
  exchange_.request.source = this;
  exchange_.id = given_.id;
  exchange_.method = head_.method;
  exchange_.path = head_.path;
  exchange_.arrived = now;
  exchange_.trail.bytes_in = given_.body.size();
}

Call::Given copy_request(const Request& request, std::string_view id, std::string_view path) {
  Call::Given given;
  given.id = id;
  given.method = request.head->method;
  given.target = path;  // an absolute-form target names a host, too
  if (const auto query = request.head->query; !query.empty()) {
    given.target.append("?").append(query);
  }
  for (const auto& field : request.head->fields) {
    given.fields.emplace_back(field.name, field.value);
  }
  given.body = request.body;
  given.client_address = request.client_address;
  if (request.client_names != nullptr) given.client_names = *request.client_names;
  return given;
}

Call::Given copy_request(const Exchange& exchange) {
  return copy_request(exchange.request, exchange.id, exchange.path);
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
