// The request's body, as the stages ask for it.
#include "front/http/serving.hpp"

namespace hawser::front::http {

using wire::Framing;

Error Serving::too_large(std::uint64_t most) {
  return {.code = Code::too_large,
          .message = "The request body is larger than " + std::to_string(most) + " bytes."};
}

LoadedBody& Serving::loaded() {
  if (!loaded_) loaded_ = std::make_unique<LoadedBody>();
  return *loaded_;
}

/// Of whoever asks, where it is known: bodies are read behind authentication.
net::ByteLease Serving::lease(net::MemoryKind kind) {
  const exchange::Principal& principal = *exchange_->principal;
  return services_.bytes.lease(kind, principal.tenant, principal.key, &connection_bytes());
}

Task<Result<>> Serving::load(exchange::Request& request) {
  const bool known_length = request.framing == Framing::length;
  const std::uint64_t most =
      request.json ? limits_.json_body_max.count() : limits_.body_max.count();
  if (known_length && request.content_length > most) co_return too_large(most);
  const auto coding = content_coding();
  if (!coding) co_return coding.error();
  if (*coding != coding::Coding::identity) {
    if (auto begun = begin_decoding(request, *coding); !begun) co_return begun.error();
    if (request.json) co_return co_await collect(request, most);
    request.stream = loaded_->decoded.get();
    co_return Result<>();
  }
  if (request.json) co_return co_await load_whole(request, most);
  if (known_length && request.content_length <= limits_.replay_max.count()) {
    co_return co_await load_whole(request, most);
  }
  body_max_ = most;
  request.stream = this;
  co_return Result<>();
}

/// What the body comes in, by its Content-Encoding fields.
Result<coding::Coding> Serving::content_coding() {
  auto coding = coding::Coding::identity;
  std::size_t named = 0;
  for (const wire::Field& field : head_.fields) {
    if (!wire::same_token(field.name, "content-encoding")) continue;
    const auto known = coding::parse_content_encoding(field.value);
    ++named;
    if (known && named == 1) {
      coding = *known;
      continue;
    }
    if (!exchange_->answer_fields) exchange_->answer_fields = std::make_unique<std::string>();
    exchange_->answer_fields->append("Accept-Encoding: ")
        .append(coding::accepted_codings)
        .append("\r\n");
    return Error{.code = Code::invalid_request,
                 .message = "The Content-Encoding of a request must be one of " +
                            std::string(coding::accepted_codings) + ", and one only.",
                 .param = "Content-Encoding",
                 .status = 415};
  }
  return coding;
}

/// From here on the body is what it unpacks to, and goes on so.
Result<> Serving::begin_decoding(exchange::Request& request, coding::Coding coding) {
  const auto most = request.json ? limits_.json_body_max : limits_.body_max;
  auto decoded = DecodedBody::make({.coded = *this,
                                    .coding = coding,
                                    .limits = {.size_max = most.count(),
                                               .ratio_max = limits_.unpacked_ratio_max,
                                               .ratio_free = limits_.unpacked_ratio_free.count()},
                                    .reactor = services_.reactor,
                                    .lease = lease(net::MemoryKind::unpacking)});
  if (!decoded) return decoded.error();
  loaded().decoded = std::move(*decoded);
  body_max_ = most.count();
  std::erase_if(head_.fields, [](const wire::Field& field) {
    return wire::same_token(field.name, "content-encoding");
  });
  request.framing = Framing::chunked;
  request.content_length = 0;
  return {};
}

/// Reads the whole body into memory of our own.
Task<Result<>> Serving::collect(exchange::Request& request, std::size_t size_max) {
  LoadedBody& body = loaded();
  body.lease = lease(net::MemoryKind::request_body);
  net::Source* const decoded = body.decoded.get();
  net::WorkerTurn turn(services_.reactor);
  const std::uint64_t room_max =
      request.framing == Framing::length ? request.content_length : size_max;
  for (bool last = false; !last;) {
    Task<Result<net::Piece>> reading = decoded != nullptr ? decoded->next() : next();
    auto piece = co_await std::move(reading);
    if (!piece) co_return piece.error();
    const std::size_t size = body.whole.size() + piece->bytes.size();
    if (size > size_max) co_return too_large(size_max);
    if (auto room = make_room(body, size, room_max); !room) co_return room.error();
    body.whole.append(piece->bytes);
    last = piece->last;
    if (decoded == nullptr) co_await turn.spend(piece->bytes.size());
  }
  body.decoded.reset();
  request.body = body.whole;
  request.framing = Framing::length;
  request.content_length = body.whole.size();
  co_return Result<>();
}

}  // namespace hawser::front::http
