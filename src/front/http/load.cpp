// The request's body, as the stages ask for it.
#include "front/http/serving.hpp"

namespace hawser::front::http {

using wire::Framing;

Error Serving::too_large(std::uint64_t most) {
  return {.code = Code::too_large,
          .message = "The request body is larger than " + std::to_string(most) + " bytes."};
}

Error Serving::bodies_full() {
  return {.code = Code::overloaded,
          .message =
              "The requests of this connection hold as much as http2.bodies_max allows; "
              "wait for answers, or use another connection."};
}

Task<Result<>> Serving::load(exchange::Request& request) {
  const bool known_length = request.framing == Framing::length;
  const std::uint64_t most =
      request.json ? limits_.json_body_max.count() : limits_.body_max.count();
  if (known_length && request.content_length > most) co_return too_large(most);
  if (request.json) co_return co_await load_whole(request, most);
  if (known_length && request.content_length <= limits_.replay_max.count()) {
    co_return co_await load_whole(request, most);
  }
  body_max_ = most;
  request.stream = this;
  co_return Result<>();
}

/// Reads the whole body into memory of our own.
Task<Result<>> Serving::collect(exchange::Request& request, std::size_t size_max) {
  const bool known_length = request.framing == Framing::length;
  if (known_length) {
    if (!may_hold(request.content_length)) co_return bodies_full();
    whole_body_.reserve(request.content_length);
  }
  for (bool last = false; !last;) {
    auto piece = co_await next();
    if (!piece) co_return piece.error();
    if (!known_length && !may_hold(piece->bytes.size())) co_return bodies_full();
    whole_body_.append(piece->bytes);
    last = piece->last;
    if (whole_body_.size() > size_max) co_return too_large(size_max);
  }
  request.body = whole_body_;
  request.framing = Framing::length;
  request.content_length = whole_body_.size();
  co_return Result<>();
}

}  // namespace hawser::front::http
