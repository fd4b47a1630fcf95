#include "stage/filter/filtered_content.hpp"

namespace hawser::stage::filter {

using net::Piece;

Error unreadable_answer(std::string_view why) {
  return {.code = Code::upstream,
          .message = "The provider's answer cannot be read by the data filter that concerns it: " +
                     std::string(why) + "."};
}

/// @param last  the content ends with what leaves now
Result<Piece> FilteredContent::leave(bool last) {
  if (filter_.unreadable()) {
    source_.content().cancel();
    return unreadable_answer(filter_.why_unreadable());
  }
  if (filter_.blocked()) {
    source_.content().cancel();
    return Error{.code = Code::filtered, .message = "A data filter ended this answer."};
  }
  return Piece{.bytes = out_, .last = last};
}

Task<Result<Piece>> FilteredContent::next() {
  for (;;) {
    const auto due = filter_.due();
    const auto piece = co_await source_.next(due ? *due : Clock::time_point::max());
    bool last = false;
    if (!piece) {
      out_ = filter_.release(Clock::now());
    } else if (!*piece) {
      co_return piece->error();
    } else {
      last = (*piece)->last;
      out_ = filter_.feed((*piece)->bytes, Clock::now());
      if (last) out_ += filter_.finish();
    }
    auto leaves = leave(last);
    if (!leaves || last || !out_.empty()) co_return leaves;
  }
}

}  // namespace hawser::stage::filter
