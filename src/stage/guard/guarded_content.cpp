#include "stage/guard/guarded_content.hpp"

#include <algorithm>

#include "dialect/delta_text.hpp"

namespace hawser::stage::guard {

namespace {
constexpr std::size_t overlap = 128;          // bytes
constexpr std::size_t held_max = 256 * 1024;  // bytes of events, with text or without
}  // namespace

GuardedContent::GuardedContent(net::Reactor& reactor, std::unique_ptr<generation::Content> content,
                               dialect::Api api, std::vector<GuardPtr> guards, Question about)
    : reactor_(reactor),
      source_(reactor, std::move(content)),
      api_(api),
      guards_(std::move(guards)),
      about_(std::move(about)),
      window_(guards_.front()->config().window),
      window_time_(guards_.front()->config().window_time) {
  for (const auto& guard : guards_) {
    window_ = std::min<std::size_t>(window_, guard->config().window);
    window_time_ = std::min(window_time_, guard->config().window_time);
  }
}

void GuardedContent::take(const net::Piece& piece) {
  held_.append(piece.bytes);
  events_ += piece.events;
  dialect::append_all_deltas(api_, piece.bytes, text_);
}

bool GuardedContent::full() const {
  return text_.size() >= window_ || held_.size() >= held_max;
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
    over = (*piece)->last;
    if (until == Clock::time_point::max()) until = reactor_.now() + window_time_;
  }
  co_return over;
}

Task<Result<net::Piece>> GuardedContent::next() {
  if (broken_) co_return *broken_;
  const bool over = co_await read_window();
  if (!text_.empty()) {
    auto question = std::make_shared<Question>(about_);
    question->text = before_ + text_;
    Jury jury(reactor_, guards_, std::move(question));
    const Ruling ruling = co_await jury.decide();
    if (!ruling.allow) {
      source_.content().cancel();
      broken_ = refusal(ruling, about_);
      co_return *broken_;
    }
    before_ = text_.substr(text_.size() - std::min(text_.size(), overlap));
    text_.clear();
  }
  if (broken_ && held_.empty()) co_return *broken_;
  out_ = std::exchange(held_, {});
  const net::Piece piece{
      .bytes = out_, .last = over && !broken_, .events = std::exchange(events_, 0)};
  co_return piece;
}

}  // namespace hawser::stage::guard
