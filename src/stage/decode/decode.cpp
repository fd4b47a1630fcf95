#include "stage/decode/decode.hpp"

#include "dialect/multipart.hpp"

namespace hawser::stage::decode {

using exchange::Request;

namespace {

constexpr std::size_t form_start_max = 64 * 1024;

/// A body whose beginning was read ahead.
class Resumed final : public net::Source {
 public:
  explicit Resumed(net::Source& rest) : rest_(rest) {}

  /// Reads until `enough(start)` or there is a lot of it, or it is whole.
  template <class Enough>
  Task<Result<>> read_ahead(Enough enough) {
    while (!last_ && start_.size() < form_start_max && !enough(start_)) {
      auto piece = co_await rest_.next();
      if (!piece) co_return piece.error();
      start_.append(piece->bytes);
      last_ = piece->last;
    }
    co_return Result<>();
  }

  Task<Result<net::Piece>> next() override {
    if (std::exchange(given_, true)) return rest_.next();
    return Result<net::Piece>(net::Piece{.bytes = start_, .last = last_});
  }

 private:
  net::Source& rest_;
  std::string start_{};
  bool last_ = false;
  bool given_ = false;
};

std::string_view boundary_of(const Request& request) {
  const auto* type = request.head->find("content-type");
  return type == nullptr ? std::string_view() : dialect::form_boundary(type->value);
}

/// @return whether the form's model was found
bool take_model(std::string_view form, std::string_view boundary, dialect::RequestFacts& facts) {
  const auto found = dialect::find_form_value(form, boundary, "model");
  if (!found) return false;
  facts.has_model = facts.form = true;
  facts.model_at = static_cast<std::uint32_t>(found->at);
  facts.model_size = static_cast<std::uint32_t>(found->size);
  facts.model = form.substr(found->at, found->size);
  return true;
}

/// Two fields of one name are read differently by different programs.
bool names_model_twice(std::string_view form, std::string_view boundary,
                       const dialect::RequestFacts& facts) {
  const auto rest = form.substr(facts.model_at + facts.model_size);
  return rest.size() > 2 && dialect::find_form_value(rest.substr(2), boundary, "model").has_value();
}

exchange::Answer twice() {
  return Error{.code = Code::invalid_request,
               .message = "The form has more than one field \"model\".",
               .param = "model"};
}

/// A form that streams through: its plain fields stand in front, so its beginning is enough.
Task<exchange::Answer> run_form(exchange::Exchange& exchange, exchange::Next next,
                                std::string_view boundary) {
  auto& request = exchange.request;
  Resumed body(*request.stream);
  bool twice_named = false;
  auto read = co_await body.read_ahead([&](std::string_view start) {
    if (!take_model(start, boundary, request.facts)) return false;
    twice_named = names_model_twice(start, boundary, request.facts);
    return true;
  });
  if (!read) co_return read.error();
  if (twice_named) co_return twice();
  net::Source* const rest = std::exchange(request.stream, &body);
  auto answer = co_await next(exchange);
  request.stream = rest;
  co_return std::move(answer);
}

}  // namespace

Task<exchange::Answer> Decode::run(exchange::Exchange& exchange, exchange::Next next) {
  auto& request = exchange.request;
  if (request.framing != wire::Framing::none) {
    auto loaded = co_await request.source->load(request);
    if (!loaded) co_return loaded.error();
  }
  if (request.json && !request.body.empty()) {
    auto peeked = dialect::peek_request(request.body, request.facts);
    if (!peeked) co_return peeked.error();
    co_return co_await next(exchange);
  }
  const std::string boundary(boundary_of(request));
  if (boundary.empty()) co_return co_await next(exchange);
  if (request.stream != nullptr) co_return co_await run_form(exchange, next, boundary);
  if (take_model(request.body, boundary, request.facts) &&
      names_model_twice(request.body, boundary, request.facts)) {
    co_return twice();
  }
  co_return co_await next(exchange);
}

}  // namespace hawser::stage::decode
