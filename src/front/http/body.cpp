// The request's body off a connection of HTTP/1.1.
#include "front/http/session.hpp"

namespace hawser::front::http {

using net::IoStatus;
using net::Piece;
using wire::Framing;

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
  co_return co_await collect(request, size_max);
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
  if (piece && body_max_ > 0 && body_.bytes() > body_max_) co_return too_large(body_max_);
  co_return piece;
}

Task<bool> Session::say_continue() {
  if (!std::exchange(continue_owed_, false) || in_.size() > head_size_) co_return true;
  if (announced_ > 0) co_return true;  // the answer has begun: its client says no more
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
  in_.consume(std::exchange(head_size_, 0));
}

/// Whether nothing of the request's body is left on the connection.
bool Session::body_consumed(const exchange::Exchange& exchange) const {
  return body_.done() || !exchange.request.body.empty();
}

/// Reads and drops what is left of a small body, so that the connection can go on.
Task<Session::Rest> Session::skip_rest_of_body() {
  constexpr std::uint64_t skipped_max = 64 * 1024;
  if (body_.done()) co_return Rest::none;
  if (continue_owed_) co_return Rest::left;  // the client waits for a word before it sends
  if (head_.framing == Framing::length && head_.content_length > skipped_max) co_return Rest::left;
  const auto deadline = Clock::now() + 2s;
  while (!body_.done()) {
    if (head_size_ > 0) detach_head();
    if (body_.bytes() > skipped_max) co_return Rest::left;
    auto piece = co_await body_.next(deadline);
    if (!piece) co_return piece.error().code == Code::connection ? Rest::left : Rest::malformed;
  }
  co_return Rest::none;
}

/// Lets go of the request's bytes: an open stream holds none of them, and no memory for them.
void Session::release_request(bool keep_memory) {
  body_.release();
  if (head_size_ > 0) {
    // The body was read in place, behind its head.
    const bool in_place = !body_.done();
    in_.consume(std::exchange(head_size_, 0));
    if (in_place) in_.consume(head_.content_length);
  }
  in_.release_if_empty();
  loaded_.reset();
  std::string().swap(kept_head_);
  if (!keep_memory) std::vector<wire::Field>().swap(head_.fields);
}

}  // namespace hawser::front::http
