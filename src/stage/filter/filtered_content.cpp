#include "stage/filter/filtered_content.hpp"

namespace hawser::stage::filter {

using net::Piece;

Error unreadable_answer(std::string_view why) {
  return {.code = Code::upstream,
          .message = "The provider's answer cannot be read by the data filter that concerns it: " +
                     std::string(why) + "."};
}

Result<Piece> FilteredContent::take(const Piece& piece) {
  out_ = filter_.feed(piece.bytes, Clock::now());
  if (piece.last) out_ += filter_.finish();
  if (filter_.unreadable()) {
    source_.content().cancel();
    return unreadable_answer("an event is not a JSON object");
  }
  if (filter_.blocked()) {
    source_.content().cancel();
    return Error{.code = Code::filtered, .message = "A data filter ended this answer."};
  }
  return Piece{.bytes = out_, .last = piece.last};
}

Task<Result<Piece>> FilteredContent::next() {
  for (;;) {
    const auto due = filter_.due();
    const auto piece = co_await source_.next(due ? *due : Clock::time_point::max());
    if (!piece) {
      out_ = filter_.release(Clock::now());
      if (out_.empty()) continue;
      co_return Piece{.bytes = out_};
    }
    if (!*piece) co_return piece->error();
    auto taken = take(**piece);
    if (!taken || !taken->bytes.empty() || taken->last) co_return taken;
  }
}

}  // namespace hawser::stage::filter
