#include "stage/attempt/attempt_request.hpp"

#include <stdexcept>

namespace hawser::stage::attempt {
namespace {

/// Also where assertions are off: what nobody decided about goes nowhere.
const exchange::Exchange& decided(const exchange::Exchange& exchange) {
  if (exchange.pipeline != nullptr && !exchange.candidates.empty()) return exchange;
  throw std::logic_error("a request that did not go through the stages must not be sent");
}

}  // namespace

Decision::Decision(const exchange::Exchange& exchange)
    : pipeline_(exchange.pipeline),
      principal_(exchange.principal),
      timeouts_(exchange.timeouts),
      grants_(exchange.residency.grants),
      own_limits_(exchange.answer_fields != nullptr) {}

AttemptRequest::AttemptRequest(const exchange::Exchange& exchange)
    : AttemptRequest(Decision(decided(exchange)), exchange.request, exchange.cancellation) {
  id_ = exchange.id;
  path_ = exchange.path;
  arrived_ = exchange.arrived;
  notes_ = exchange.notes;
  if (exchange.reservation) usage_edit_ = ask_for_usage(*message_);
  decision_.hides_usage_ = usage_edit_.has_value();
}

AttemptRequest::AttemptRequest(const AttemptRequest& of, net::Cancellation& cancellation)
    : AttemptRequest(of) {
  cancellation_ = &cancellation;
}

AttemptRequest::AttemptRequest(Decision decision, const exchange::Request& message,
                               net::Cancellation& cancellation)
    : decision_(std::move(decision)), message_(&message), cancellation_(&cancellation) {}

exchange::Call::Given AttemptRequest::copy() const {
  return exchange::copy_request(*message_, id_, path_);
}

FurtherCall::FurtherCall(const Decision& decision, exchange::Call::Given given, Terms terms)
    : given_(std::move(given)), valid_(read()), request_(decision, message_, cancellation_) {
  if (terms.api) message_.endpoint.api = *terms.api;
  request_.id_ = given_.id;
  request_.path_ = head_.path;
  request_.arrived_ = terms.arrived;
  request_.latest_ = terms.latest;
  request_.notes_ = std::move(terms.notes);
  if (decision.hides_usage()) request_.usage_edit_ = ask_for_usage(message_);
}

bool FurtherCall::read() {
  exchange::describe(given_, head_, message_);
  message_.body = given_.body;
  return given_.body.empty() ||
         dialect::peek_request(message_.body, message_.facts, dialect::PeekMode::known,
                               dialect::format_of(message_.endpoint));
}

}  // namespace hawser::stage::attempt
