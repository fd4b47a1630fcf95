#include "stage/guard/guarded_content.hpp"

#include <algorithm>

namespace hawser::stage::guard {

namespace {
constexpr std::size_t held_max = 256 * 1024;  // bytes of events, with text or without
}  // namespace

GuardedContent::GuardedContent(net::Reactor& reactor, std::unique_ptr<generation::Content> content,
                               dialect::Api api, std::vector<GuardPtr> guards, Question about,
                               bool must_read)
    : reactor_(reactor),
      source_(reactor, std::move(content)),
      texts_(api),
      guards_(std::move(guards)),
      about_(std::move(about)),
      must_read_(must_read),
      window_(guards_.front()->config().window),
      window_time_(guards_.front()->config().window_time) {
  for (const auto& guard : guards_) {
    window_ = std::min<std::size_t>(window_, guard->config().window);
    window_time_ = std::min(window_time_, guard->config().window_time);
  }
}

void GuardedContent::take(const net::Piece& piece) {
  if (!texts_.feed(piece.bytes, must_read_, held_)) {
    source_.content().cancel();
    broken_ = Error{.code = Code::upstream,
                    .message =
                        "The provider's answer cannot be read by the guard that must judge "
                        "it: " +
                        std::string(texts_.why_unreadable()) + "."};
    return;
  }
  events_ += piece.events;
}

bool GuardedContent::full() const {
  return texts_.size() >= window_ || held_.size() >= held_max;
}

Task<bool> GuardedContent::read_window() {
  auto until = Clock::time_point::max();
  bool over = false;
  while (!over && !full()) {
    const auto piece = co_await source_.next(until);
    if (!piece) co_return false;  // long enough
    if (!*piece) {
      broken_ = piece->error();
      co_return true;
    }
    take(**piece);
    over = broken_ || (*piece)->last;
    if (until == Clock::time_point::max()) until = reactor_.now() + window_time_;
  }
  co_return over;
}

std::shared_ptr<Question> GuardedContent::question() {
  auto question = std::make_shared<Question>(about_);
  question->text = texts_.take();
  return question;
}

Task<Result<net::Piece>> GuardedContent::next() {
  if (broken_) co_return *broken_;
  const bool over = co_await read_window();
  if (texts_.size() > 0) {
    Jury jury(reactor_, guards_, question());
    const Ruling ruling = co_await jury.decide();
    if (!ruling.allow) {
      source_.content().cancel();
      broken_ = refusal(ruling, about_);
      co_return *broken_;
    }
  }
  if (broken_ && held_.empty()) co_return *broken_;
  out_ = std::exchange(held_, {});
  const net::Piece piece{
      .bytes = out_, .last = over && !broken_, .events = std::exchange(events_, 0)};
  co_return piece;
}

}  // namespace hawser::stage::guard
