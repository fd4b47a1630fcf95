#include "stage/filter/filtered_content.hpp"

namespace hawser::stage::filter {

using net::Piece;

namespace {
void drop_bug(std::exception_ptr) {}
}  // namespace

FilteredContent::FilteredContent(net::Reactor& reactor,
                                 std::unique_ptr<generation::Content> content, dialect::Api api,
                                 AnswerRules rules)
    : source_(std::make_shared<Source>(reactor, std::move(content))),
      rules_(std::move(rules)),
      filter_(api, rules_) {}

FilteredContent::~FilteredContent() {
  if (source_->reading) source_->content->cancel();
}

/// One read; it outlives who asked for it.
Task<> FilteredContent::read(std::shared_ptr<Source> source) {
  auto piece = co_await source->content->next();
  source->piece.emplace(std::move(piece));
  source->reading = false;
  source->arrived.complete(net::IoStatus::ok);
  co_return;
}

Result<Piece> FilteredContent::take(const Piece& piece) {
  out_ = filter_.feed(piece.bytes, Clock::now());
  if (piece.last) out_ += filter_.finish();
  if (filter_.blocked()) {
    source_->content->cancel();
    return Error{.code = Code::filtered, .message = "A data filter ended this answer."};
  }
  return Piece{.bytes = out_, .last = piece.last};
}

Task<Result<Piece>> FilteredContent::next() {
  for (;;) {
    if (!source_->piece && !source_->reading) {
      source_->reading = true;
      spawn(read(source_), drop_bug);
    }
    if (!source_->piece) {
      const auto due = filter_.due();
      const auto waited = co_await source_->arrived.wait(due ? *due : Clock::time_point::max());
      if (waited == net::IoStatus::timeout) {
        out_ = filter_.release(Clock::now());
        if (out_.empty()) continue;
        co_return Piece{.bytes = out_};
      }
      if (!source_->piece) {
        co_return Error{.code = Code::cancelled, .message = "cancelled"};
      }
    }
    const Result<Piece> piece = std::move(*source_->piece);
    source_->piece.reset();
    if (!piece) co_return piece.error();
    auto taken = take(*piece);
    if (!taken || !taken->bytes.empty() || taken->last) co_return taken;
  }
}

}  // namespace hawser::stage::filter
