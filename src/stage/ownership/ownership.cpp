#include "stage/ownership/ownership.hpp"

#include "dialect/form_reader.hpp"
#include "dialect/object_references.hpp"
#include "exchange/identify.hpp"
#include "generation/read_whole.hpp"
#include "stage/ownership/checked_form.hpp"
#include "stage/ownership/made_content.hpp"
#include "wire/path.hpp"

namespace hawser::stage::ownership {

using dialect::ObjectKind;
using exchange::Answer;
using exchange::Exchange;
using generation::GenerationPtr;

namespace {

constexpr std::size_t answer_max = 64 * 1024 * 1024;

/// The same for what others own and for what nobody here made: who asks learns nothing of others.
Error no_such_object(std::string_view id, std::string_view param) {
  return {.code = Code::not_found,
          .message = "No such object: " + std::string(id.substr(0, 128)) +
                     " was not made through this gateway by your tenant.",
          .param = std::string(param),
          .client_may_retry = false};
}

Error cannot_read(const exchange::Request& request) {
  return {.code = Code::invalid_request,
          .message = "What a request to \"" + std::string(request.endpoint.traits().name) +
                     "\" refers to must be known: send its body as one JSON object without "
                     "repeated names, or as a form.",
          .client_may_retry = false};
}

bool allows(std::string_view field) {
  return !dialect::names_object(field);
}

/// A body whose JSON was not read. One that streams is checked as it passes. Of paths that nobody
/// knows nothing is known anyway: the grant "unknown" is for those who may see it all.
Result<> check_unread(const exchange::Request& request) {
  if (request.media == exchange::Media::form) {
    if (request.stream != nullptr) return {};
    dialect::FormReader reader(exchange::boundary_of(request), allows);
    if (reader.feed(request.body) && reader.finish()) return {};
    return Error{.code = Code::invalid_request, .message = reader.problem()};
  }
  if (!request.endpoint.traits().stateful) return {};
  if (request.endpoint.operation() == dialect::Operation::unknown) return {};
  return cannot_read(request);
}

}  // namespace

bool Ownership::owns(const Exchange& exchange, ObjectKind kind, std::string_view id) const {
  const auto owner = owners_->owner_of(static_cast<std::uint8_t>(kind), id);
  return owner && *owner == exchange.principal->tenant;
}

/// Error: not_found, the request names an object that is not its tenant's
Result<> Ownership::check(const Exchange& exchange) const {
  const auto& request = exchange.request;
  if (const auto object = request.endpoint.object(); !object.empty()) {
    const std::string id = wire::decoded_segment(object);
    if (!owns(exchange, request.endpoint.match.asked, id)) return no_such_object(id, "id");
  }
  if (request.unread) return check_unread(request);
  if (request.body.empty()) return {};
  std::optional<Error> error;
  const bool read =
      dialect::for_each_reference(request.body, [&](ObjectKind kind, std::string_view id) {
        if (error || owns(exchange, kind, id)) return;
        error = no_such_object(id, "id");
      });
  if (error) return *error;
  if (!read) return cannot_read(request);
  return {};
}

/// Whether the answer may name objects that are new: one that is made, or what an object of the
/// tenant's brought forth, such as the file that a batch writes.
bool Ownership::may_make(const Exchange& exchange) {
  const auto& endpoint = exchange.request.endpoint;
  if (endpoint.match.lists != ObjectKind::none) return true;
  // A chat is only kept where it is asked for.
  if (endpoint.match.makes == ObjectKind::chat) return exchange.request.facts.stores;
  if (endpoint.match.makes != ObjectKind::none) return true;
  return endpoint.match.asked != ObjectKind::none && !endpoint.tail.ends_with("/content") &&
         !endpoint.tail.ends_with("/results");
}

// Not a coroutine: what makes and lists nothing passes without a frame.
Task<Answer> Ownership::run(Exchange& exchange, exchange::Next next) {
  if (exchange.principal->any_objects) return next(exchange);
  if (auto checked = check(exchange); !checked) return exchange::answer_now(checked.error());
  const auto& request = exchange.request;
  if (request.stream != nullptr && request.media == exchange::Media::form) {
    return pass_form(exchange, next);
  }
  return go_on(exchange, next);
}

Task<Answer> Ownership::pass_form(Exchange& exchange, exchange::Next next) {
  auto& request = exchange.request;
  CheckedForm form(*request.stream, exchange::boundary_of(request), allows);
  net::Source* const rest = std::exchange(request.stream, &form);
  auto answer = co_await go_on(exchange, next);
  request.stream = rest;
  co_return std::move(answer);
}

Task<Answer> Ownership::go_on(Exchange& exchange, exchange::Next next) {
  if (!may_make(exchange)) return next(exchange);
  return keep(exchange, next);
}

Task<Answer> Ownership::keep(Exchange& exchange, exchange::Next next) {
  auto answer = co_await next(exchange);
  if (!answer || (*answer)->head().status >= 300 || (*answer)->head().bodiless) {
    co_return std::move(answer);
  }
  if ((*answer)->head().event_stream) {
    const ObjectKind makes = exchange.request.endpoint.match.makes;
    auto content = std::make_unique<MadeContent>((*answer)->take_content(), owners_,
                                                 exchange.principal->tenant, makes);
    co_return std::make_unique<generation::Generation>(std::move((*answer)->head()),
                                                       std::move(content));
  }
  co_return co_await keep_plain(exchange, std::move(*answer));
}

Task<Answer> Ownership::keep_plain(const Exchange& exchange, GenerationPtr answer) {
  const auto& match = exchange.request.endpoint.match;
  const std::string& tenant = exchange.principal->tenant;
  auto whole = co_await generation::read_whole(
      answer->content(), answer_max,
      bytes_.lease(net::MemoryKind::copy, tenant, exchange.principal->key));
  if (!whole) co_return whole.error();
  std::string& body = whole->text;
  if (match.lists != ObjectKind::none) {
    auto list = dialect::filter_list(
        body, [&](std::string_view id) { return owns(exchange, match.lists, id); });
    if (!list) {
      co_return Error{.code = Code::upstream,
                      .message =
                          "The provider's list cannot be read, so that the entries of other "
                          "tenants cannot be taken out of it."};
    }
    body = std::move(*list);
  } else {
    note_made(*owners_, body, match.makes, tenant);
  }
  const generation::Told told{answer->content().usage(), answer->content().spliced()};
  co_return generation::make_whole(std::move(answer->head()), std::move(body), told,
                                   std::move(whole->lease));
}

}  // namespace hawser::stage::ownership
