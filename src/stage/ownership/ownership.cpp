#include "stage/ownership/ownership.hpp"

#include <algorithm>
#include <vector>

#include "dialect/form_reader.hpp"
#include "dialect/made_objects.hpp"
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

Error is_ambiguous() {
  return {.code = Code::invalid_request,
          .message = "A name stands twice in an object of the body: which one counts is not known.",
          .client_may_retry = false};
}

/// A body that is neither JSON nor a form. Of paths that nobody knows nothing is known anyway: the
/// grant "unknown" is for those who may see it all.
Result<> check_unread(const exchange::Request& request) {
  if (!request.endpoint.traits().stateful) return {};
  if (request.endpoint.operation() == dialect::Operation::unknown) return {};
  return cannot_read(request);
}

/// The candidates of an exchange at whose accounts its tenant has all that it names.
class Places {
 public:
  Places(const store::ObjectOwners& owners, const Exchange& exchange)
      : owners_(owners), exchange_(exchange) {
    const std::size_t size = std::min(exchange.candidates.size(), exchange.candidates.chosen_max);
    at_.assign(size, true);
  }
  /// Leaves those where it has this one, too. @return whether there is any
  bool narrow(ObjectKind kind, std::string_view id) {
    narrowed_ = true;
    bool any = false;
    for (std::size_t i = 0; i < at_.size(); ++i) {
      if (!at_[i]) continue;
      const auto& provider = exchange_.candidates[i].provider_name;
      at_[i] = owners_.owns(exchange_.principal->tenant,
                            {provider, static_cast<std::uint8_t>(kind), id});
      any = any || at_[i];
    }
    return any;
  }
  void apply(exchange::Candidates& candidates) const {
    const bool all =
        at_.size() == candidates.size() && std::find(at_.begin(), at_.end(), false) == at_.end();
    if (!narrowed_ || all) return;
    candidates.keep([this](std::size_t i) { return i < at_.size() && at_[i]; });
  }

 private:
  const store::ObjectOwners& owners_;
  const Exchange& exchange_;
  std::vector<bool> at_;
  bool narrowed_ = false;
};

}  // namespace

/// Error: not_found, the request names an object that is not its tenant's
Result<> Ownership::check(Exchange& exchange) const {
  const auto& request = exchange.request;
  Places places(*owners_, exchange);
  if (const auto object = request.endpoint.object(); !object.empty()) {
    const std::string id = wire::decoded_segment(object);
    if (!places.narrow(request.endpoint.match.asked, id)) return no_such_object(id, "id");
  }
  const bool form = request.unread && request.media == exchange::Media::form;
  if (request.unread && !form) {
    if (auto checked = check_unread(request); !checked) return checked;
  } else if (!form && !request.body.empty()) {
    std::optional<Error> error;
    const auto read =
        dialect::for_each_reference(request.body, dialect::reference_rules(request.endpoint),
                                    [&](ObjectKind kind, std::string_view id) {
                                      if (!error && !places.narrow(kind, id))
                                        error = no_such_object(id, "id");
                                    });
    if (error) return *error;
    if (read == dialect::ReferencesRead::ambiguous) return is_ambiguous();
    if (read != dialect::ReferencesRead::all) return cannot_read(request);
  }
  places.apply(exchange.candidates);
  return {};
}

/// Whether the answer may name objects that are new: one that is made, or what an object of the
/// tenant's brought forth, such as the file that a batch writes.
bool Ownership::may_make(const Exchange& exchange) {
  const auto& endpoint = exchange.request.endpoint;
  if (endpoint.match.lists != ObjectKind::none) return true;
  // A chat is only kept where it is asked for; what it says aloud can be named later.
  if (endpoint.match.makes == ObjectKind::chat) {
    return exchange.request.facts.stores || exchange.request.facts.speaks;
  }
  if (endpoint.match.makes != ObjectKind::none) return true;
  return endpoint.match.asked != ObjectKind::none && !endpoint.tail.ends_with("/content") &&
         !endpoint.tail.ends_with("/results");
}

// Not a coroutine: what makes and lists nothing passes without a frame.
Task<Answer> Ownership::run(Exchange& exchange, exchange::Next next) {
  if (exchange.principal->any_objects) return next(exchange);
  const auto& request = exchange.request;
  if (!request.unread && request.body.size() > net::Offload::on_worker_max) {
    return check_aside(exchange, next);
  }
  if (auto checked = check(exchange); !checked) return exchange::answer_now(checked.error());
  if (request.unread && request.media == exchange::Media::form) return pass_form(exchange, next);
  return go_on(exchange, next, nullptr);
}

/// A body that is too long for a worker to read at once.
Task<Answer> Ownership::check_aside(Exchange& exchange, exchange::Next next) {
  Result<> checked;
  auto work = [&] { checked = check(exchange); };
  const auto done = co_await worker_.offload.run(worker_.reactor, exchange.principal, work,
                                                 exchange.cancellation);
  if (!done) co_return done.error();
  if (!checked) co_return checked.error();
  co_return co_await go_on(exchange, next, nullptr);
}

/// A form, which streams through unless it is short. A file that is uploaded is read for the lines
/// of a batch.
Task<Answer> Ownership::pass_form(Exchange& exchange, exchange::Next next) {
  auto& request = exchange.request;
  const Exchange& asked = exchange;
  const std::string provider =
      exchange.candidates.empty() ? std::string() : exchange.candidates.front().provider_name;
  BatchLines::Owns owns = [this, &asked, &provider](ObjectKind kind, std::string_view id) {
    return owners_->owns(asked.principal->tenant, {provider, static_cast<std::uint8_t>(kind), id});
  };
  BatchLines lines(std::move(owns),
                   worker_.bytes.lease(net::MemoryKind::copy, exchange.principal->tenant,
                                       exchange.principal->key));
  const bool uploads = request.endpoint.operation() == dialect::Operation::files;
  BatchLines* const read = uploads ? &lines : nullptr;
  if (request.stream == nullptr) {
    dialect::FormReader reader(exchange::boundary_of(request), allows);
    if (read != nullptr) reader.tell(*read);
    if (!reader.feed(request.body) || !reader.finish()) {
      co_return Error{.code = Code::invalid_request, .message = reader.problem()};
    }
    if (const auto checked = lines.check(); !checked) co_return checked.error();
    co_return co_await go_on(exchange, next, read);
  }
  CheckedForm form(*request.stream, exchange::boundary_of(request), allows, read);
  net::Source* const rest = std::exchange(request.stream, &form);
  auto answer = co_await go_on(exchange, next, read);
  request.stream = rest;
  co_return std::move(answer);
}

Task<Answer> Ownership::go_on(Exchange& exchange, exchange::Next next, const BatchLines* lines) {
  if (!may_make(exchange)) return next(exchange);
  return keep(exchange, next, lines);
}

Task<Answer> Ownership::keep(Exchange& exchange, exchange::Next next, const BatchLines* lines) {
  const std::string first =
      exchange.candidates.empty() ? std::string() : exchange.candidates.front().provider_name;
  auto answer = co_await next(exchange);
  if (!answer || (*answer)->head().status >= 300 || (*answer)->head().bodiless ||
      exchange.trail.target == nullptr) {
    co_return std::move(answer);
  }
  const auto& match = exchange.request.endpoint.match;
  Maker maker;
  maker.owners = owners_;
  maker.tenant = exchange.principal->tenant;
  maker.provider = exchange.trail.target->provider_name;
  maker.makes = match.makes;
  maker.entries = match.asked != ObjectKind::none;
  // Its lines were looked at for the account that was to be asked first.
  maker.batch_input = lines != nullptr && lines->may_be_input() && maker.provider == first;
  if ((*answer)->head().event_stream) {
    auto content = std::make_unique<MadeContent>((*answer)->take_content(), std::move(maker));
    co_return std::make_unique<generation::Generation>(std::move((*answer)->head()),
                                                       std::move(content));
  }
  co_return co_await keep_plain(exchange, std::move(maker), std::move(*answer));
}

Task<Answer> Ownership::keep_plain(const Exchange& exchange, Maker maker, GenerationPtr answer) {
  auto whole = co_await generation::read_whole(
      answer->content(), answer_max,
      worker_.bytes.lease(net::MemoryKind::copy, maker.tenant, exchange.principal->key));
  if (!whole) co_return whole.error();
  std::string& body = whole->text;
  const ObjectKind lists = exchange.request.endpoint.match.lists;
  bool read = true;
  auto work = [&] {
    if (lists == ObjectKind::none) return maker.note(body);
    auto list = dialect::filter_list(body, [&](std::string_view id) {
      return owners_->owns(maker.tenant, {maker.provider, static_cast<std::uint8_t>(lists), id});
    });
    read = list.has_value();
    if (read) body = std::move(*list);
  };
  const auto done = co_await worker_.offload.run_if_long(worker_.reactor, exchange.principal,
                                                         body.size(), work, exchange.cancellation);
  if (!done) co_return done.error();
  if (!read) {
    co_return Error{.code = Code::upstream,
                    .message =
                        "The provider's list cannot be read, so that the entries of other "
                        "tenants cannot be taken out of it."};
  }
  const generation::Told told{answer->content().usage(), answer->content().spliced()};
  co_return generation::make_whole(std::move(answer->head()), std::move(body), told,
                                   std::move(whole->lease));
}

}  // namespace hawser::stage::ownership
