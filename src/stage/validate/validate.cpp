#include "stage/validate/validate.hpp"

#include "wire/path.hpp"

namespace hawser::stage::validate {

using dialect::BodyForm;
using exchange::Exchange;
using exchange::Media;

namespace {

Error unsupported(std::string message) {
  Error error{.code = Code::invalid_request, .message = std::move(message)};
  error.param = "Content-Type";
  error.status = 415;
  return error;
}

std::string what_it_takes(BodyForm form) {
  switch (form) {
    case BodyForm::json:
      return "Content-Type: application/json";
    case BodyForm::form:
      return "Content-Type: multipart/form-data";
    case BodyForm::json_or_form:
      return "Content-Type: application/json or multipart/form-data";
    case BodyForm::none:
    case BodyForm::any:
      break;
  }
  return "no body";
}

bool fits(BodyForm form, Media media) {
  switch (form) {
    case BodyForm::json:
      return media == Media::json || media == Media::none;
    case BodyForm::form:
      return media == Media::form;
    case BodyForm::json_or_form:
      return media == Media::json || media == Media::form || media == Media::none;
    case BodyForm::none:
    case BodyForm::any:
      return true;
  }
  return false;
}

Result<> check_body(const Exchange& exchange) {
  const auto& request = exchange.request;
  const auto& traits = request.endpoint.traits();
  const bool has_body = request.framing != wire::Framing::none;
  const bool needs_body = traits.body != BodyForm::none && traits.body != BodyForm::any;
  if (traits.body == BodyForm::none && has_body) {
    return Error{.code = Code::invalid_request,
                 .message = std::string(exchange.method) + " " + std::string(exchange.path) +
                            " takes no request body."};
  }
  if (!has_body && !needs_body) return {};
  if (request.media == Media::malformed) {
    return Error{.code = Code::invalid_request,
                 .message = "The Content-Type header is malformed, or there are several.",
                 .param = "Content-Type"};
  }
  if (request.media == Media::other_charset) {
    return unsupported("JSON is read as UTF-8; the Content-Type names another charset.");
  }
  if (!needs_body) return {};
  if (!has_body) {
    return Error{.code = Code::invalid_request,
                 .message = "The request has no body; this path takes one with " +
                            what_it_takes(traits.body) + "."};
  }
  if (fits(traits.body, request.media)) return {};
  return unsupported("Unsupported Content-Type: send the body with " + what_it_takes(traits.body) +
                     ".");
}

}  // namespace

Result<> validate(const Exchange& exchange) {
  if (const auto problem = wire::path_problem(exchange.path); !problem.empty()) {
    return Error{.code = Code::invalid_request, .message = std::string(problem)};
  }
  if (exchange.request.endpoint.operation() == dialect::Operation::administration) {
    return Error{.code = Code::permission,
                 .message = "The administration of a provider's account is not passed on.",
                 .client_may_retry = false};
  }
  return check_body(exchange);
}

// Not a coroutine: what is in order passes without a frame.
Task<exchange::Answer> Validate::run(Exchange& exchange, exchange::Next next) {
  if (auto valid = validate(exchange); !valid) return exchange::answer_now(valid.error());
  return next(exchange);
}

}  // namespace hawser::stage::validate
