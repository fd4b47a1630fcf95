#include "stage/decode/decode.hpp"

#include <algorithm>

#include "dialect/answer_format.hpp"
#include "dialect/form_facts.hpp"
#include "dialect/form_reader.hpp"
#include "exchange/identify.hpp"
#include "exchange/token_texts.hpp"
#include "wire/path.hpp"

namespace hawser::stage::decode {

using dialect::BodyForm;
using dialect::FormReader;
using exchange::Exchange;
using exchange::Media;
using exchange::Request;

namespace {

Error malformed_form(const std::string& problem) {
  return {.code = Code::invalid_request, .message = problem, .param = "model"};
}

/// Behind what a policy has decided already.
Error other_models_refused() {
  return {.code = Code::permission,
          .message =
              "The form names further models, or a server, beside `model`: a policy that "
              "concerns this request allows none.",
          .param = "model",
          .client_may_retry = false};
}

/// A form that streams through. What stands before its model is read ahead, so that the model can
/// be judged and mapped wherever it stands; what stands behind is checked as it passes: a second
/// model, a field that a policy has refused, or a form with two readings, ends the request before
/// the provider has all of it.
class CheckedForm final : public net::Source {
 public:
  /// @param lease  of what is read ahead
  CheckedForm(net::Source& rest, Request& request, net::ByteLease lease)
      : rest_(rest),
        facts_(request.facts),
        reader_(exchange::boundary_of(request)),
        lease_(std::move(lease)) {
    reader_.tell(told_);
  }

  /// Reads until the model is known or the form is over. Errors: those of the body,
  /// invalid_request, too_large
  Task<Result<>> read_ahead(std::size_t size_max) {
    while (!last_ && !reader_.has_model()) {
      if (ahead_.size() > size_max) {
        co_return Error{.code = Code::too_large,
                        .message =
                            "The field \"model\" stands too far behind the beginning of the "
                            "form: send it before the file.",
                        .param = "model"};
      }
      auto piece = co_await rest_.next();
      if (!piece) co_return piece.error();
      if (auto room = make_room(piece->bytes.size()); !room) co_return room.error();
      ahead_.append(piece->bytes);
      last_ = piece->last;
      if (auto checked = check(piece->bytes); !checked) co_return checked;
    }
    co_return Result<>();
  }

  Task<Result<net::Piece>> next() override {
    if (!std::exchange(given_, true)) {
      co_return net::Piece{.bytes = ahead_, .last = last_};
    }
    if (!ahead_.empty()) std::string().swap(ahead_);
    lease_.release();
    auto piece = co_await rest_.next();
    if (!piece) co_return piece;
    last_ = piece->last;
    if (auto checked = check(piece->bytes); !checked) co_return checked.error();
    co_return piece;
  }

  const FormReader& reader() const { return reader_; }
  std::string_view ahead() const { return ahead_; }

 private:
  Result<> make_room(std::size_t more) {
    constexpr std::uint64_t step = 64 * 1024;
    const std::uint64_t needed = 2 * (ahead_.size() + more);  // as strings grow
    return lease_.grow_to(needed <= lease_.bytes() ? 0 : std::max(needed, lease_.bytes() + step));
  }
  Result<> check(std::string_view bytes) {
    if (!reader_.feed(bytes) || (last_ && !reader_.finish())) {
      return malformed_form(reader_.problem());
    }
    facts_.logprobs = told_.token_texts();
    facts_.other_models = told_.other_models();
    if (facts_.logprobs && facts_.logprobs_refused) return exchange::token_texts_refused();
    if (facts_.other_models && facts_.other_models_refused) return other_models_refused();
    return {};
  }

  net::Source& rest_;
  dialect::RequestFacts& facts_;
  FormReader reader_;
  dialect::FormFacts told_{};
  net::ByteLease lease_;
  std::string ahead_{};
  bool last_ = false;
  bool given_ = false;
};

void take_model(const FormReader& reader, dialect::RequestFacts& facts) {
  if (!reader.has_model()) return;
  facts.has_model = facts.form = true;
  facts.model = reader.model();
  facts.model_at = static_cast<std::uint32_t>(reader.model_at());
  facts.model_size = static_cast<std::uint32_t>(reader.model().size());
}

Task<exchange::Answer> run_streamed_form(Exchange& exchange, exchange::Next next,
                                         std::size_t ahead_max, net::ByteLease lease) {
  auto& request = exchange.request;
  CheckedForm form(*request.stream, request, std::move(lease));
  auto read = co_await form.read_ahead(ahead_max);
  if (!read) co_return read.error();
  take_model(form.reader(), request.facts);
  net::Source* const rest = std::exchange(request.stream, &form);
  auto answer = co_await next(exchange);
  request.stream = rest;
  co_return std::move(answer);
}

Result<> read_whole_form(Request& request) {
  FormReader reader(exchange::boundary_of(request));
  dialect::FormFacts told;
  reader.tell(told);
  if (!reader.feed(request.body) || !reader.finish()) return malformed_form(reader.problem());
  take_model(reader, request.facts);
  request.facts.logprobs = told.token_texts();
  request.facts.other_models = told.other_models();
  return {};
}

Result<> read_json(Request& request) {
  const bool known = request.endpoint.traits().body != BodyForm::any;
  const auto mode = known ? dialect::PeekMode::known : dialect::PeekMode::unknown;
  auto peeked = dialect::peek_request(request.body, request.facts, mode,
                                      dialect::format_of(request.endpoint));
  if (peeked || known) return peeked;
  // Another path's JSON may be anything: it passes where nobody must have read it.
  request.facts = dialect::RequestFacts{};
  request.unread = true;
  return {};
}

void take_model_of_path(Request& request) {
  if (request.endpoint.traits().model != dialect::ModelPlace::path) return;
  request.facts.model = wire::decoded_segment(request.endpoint.model());
  request.facts.has_model = request.facts.in_path = true;
}

}  // namespace

Task<exchange::Answer> Decode::run(Exchange& exchange, exchange::Next next) {
  auto& request = exchange.request;
  if (request.framing != wire::Framing::none) {
    auto loaded = co_await request.source->load(request);
    if (!loaded) co_return loaded.error();
  }
  const bool json = request.json && request.stream == nullptr && !request.body.empty();
  const bool takes_form = request.endpoint.traits().body == BodyForm::form ||
                          request.endpoint.traits().body == BodyForm::json_or_form;
  const bool form = takes_form && request.media == Media::form;
  request.unread = !json && (request.stream != nullptr || !request.body.empty());
  const bool whole_form = form && request.stream == nullptr;
  Result<> read;
  auto work = [&] {
    if (json) read = read_json(request);
    if (whole_form) read = read_whole_form(request);
  };
  const auto done = co_await worker_.offload.run_if_long(
      worker_.reactor, exchange.principal, request.body.size(), work, exchange.cancellation);
  if (!done) co_return done.error();
  if (!read) co_return read.error();
  take_model_of_path(request);
  if (form && request.stream != nullptr) {
    auto lease = worker_.bytes.lease(net::MemoryKind::request_body, exchange.principal->tenant,
                                     exchange.principal->key);
    co_return co_await run_streamed_form(exchange, next, form_ahead_max_, std::move(lease));
  }
  co_return co_await next(exchange);
}

}  // namespace hawser::stage::decode
