#include "generation/read_beside.hpp"

namespace hawser::generation {

Task<> ReadBeside::read(std::shared_ptr<Source> source) {
  auto piece = co_await source->content->next();
  source->piece.emplace(std::move(piece));
  source->reading = false;
  source->arrived.complete(net::IoStatus::ok);
  co_return;
}

Task<std::optional<Result<net::Piece>>> ReadBeside::next(Clock::time_point until) {
  using Next = std::optional<Result<net::Piece>>;
  if (!source_->piece && !source_->reading) {
    source_->reading = true;
    spawn(read(source_), [](std::exception_ptr) {});
  }
  if (!source_->piece) {
    const auto waited = co_await source_->arrived.wait(until);
    if (!source_->piece) {
      if (waited == net::IoStatus::timeout) co_return Next();
      const Result<net::Piece> gone = Error{.code = Code::cancelled, .message = "cancelled"};
      co_return Next(gone);
    }
  }
  Next piece = std::move(source_->piece);
  source_->piece.reset();
  co_return std::move(piece);
}

}  // namespace hawser::generation
