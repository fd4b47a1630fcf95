// The request's body, as the stages ask for it.
#include "front/http/session.hpp"

namespace hawser::front::http {

using net::IoStatus;
using net::Piece;
using wire::Framing;

Task<Result<>> Session::load(exchange::Request& request) {
  const bool known_length = request.framing == Framing::length;
  const std::uint64_t most =
      request.json ? limits_.json_body_max.count() : limits_.body_max.count();
  if (known_length && request.content_length > most) {
    co_return Error{
        .code = Code::too_large,
        .message = "The request body is larger than " + std::to_string(most) + " bytes."};
  }
  if (request.json) co_return co_await load_whole(request, most);
  if (known_length && request.content_length <= limits_.replay_max.count()) {
    co_return co_await load_whole(request, most);
  }
  body_max_ = most;
  request.stream = this;
  co_return Result<>();
}

Task<Result<>> Session::load_whole(exchange::Request& request, std::size_t size_max) {
  // A body that came with its head is not copied: it stays in the buffer until the answer begins.
  const std::string_view there = in_.view().substr(head_size_);
  if (request.framing == Framing::length && there.size() >= request.content_length) {
    request.body = there.substr(0, request.content_length);
    co_return Result<>();
  }
  if (!co_await say_continue()) {
    co_return Error{.code = Code::cancelled, .message = "the client is gone"};
  }
  if (request.framing == Framing::length) whole_body_.reserve(request.content_length);
  for (bool last = false; !last;) {
    auto piece = co_await next();
    if (!piece) co_return piece.error();
    whole_body_.append(piece->bytes);
    last = piece->last;
    if (whole_body_.size() > size_max) {
      co_return Error{
          .code = Code::too_large,
          .message = "The request body is larger than " + std::to_string(size_max) + " bytes."};
    }
  }
  request.body = whole_body_;
  request.framing = Framing::length;
  request.content_length = whole_body_.size();
  co_return Result<>();
}

Task<Result<Piece>> Session::next() {
  // The fields of the head are views into the same buffer: the body is read behind them.
  if (head_size_ > 0) detach_head();
  if (!co_await say_continue()) {
    co_return Error{.code = Code::cancelled, .message = "the client is gone"};
  }
  auto piece = co_await body_.next(body_deadline());
  if (!piece && piece.error().code == Code::timeout) {
    co_return Error{.code = Code::invalid_request,
                    .message = "The request body did not arrive in time.",
                    .status = 400};
  }
  if (piece && body_max_ > 0 && body_.bytes() > body_max_) {
    co_return Error{
        .code = Code::too_large,
        .message = "The request body is larger than " + std::to_string(body_max_) + " bytes."};
  }
  co_return piece;
}

Task<bool> Session::say_continue() {
  if (!std::exchange(continue_owed_, false) || in_.size() > head_size_) co_return true;
  constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  const std::span<const std::string_view> parts(&go_on, 1);
  const IoStatus status = co_await stream_->send(parts, Clock::now() + limits_.write_timeout);
  co_return status == IoStatus::ok;
}

/// Moves the head out of the read buffer, so that a body can stream through it.
void Session::detach_head() {
  kept_head_.assign(in_.data(), head_size_);
  const char* const from = in_.data();
  const auto moved = [&](std::string_view view) {
    return view.empty() ? view
                        : std::string_view(kept_head_.data() + (view.data() - from), view.size());
  };
  for (std::string_view* view :
       {&head_.method, &head_.target, &head_.path, &head_.query, &head_.host}) {
    const bool inside = view->data() >= from && view->data() < from + head_size_;
    if (inside) *view = moved(*view);
  }
  for (wire::Field& field : head_.fields) field = {moved(field.name), moved(field.value)};
  if (endpoint_tail_ != nullptr) *endpoint_tail_ = moved(*endpoint_tail_);
  in_.consume(std::exchange(head_size_, 0));
}

}  // namespace hawser::front::http
