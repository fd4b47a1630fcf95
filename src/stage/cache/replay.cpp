#include "stage/cache/replay.hpp"

#include <charconv>

#include "wire/sse.hpp"

namespace hawser::stage::cache {

using net::Piece;

namespace {
constexpr std::size_t piece_max = 32 * 1024;
}

Replay::Replay(net::Reactor& reactor, std::string frames, const dialect::Usage& usage,
               Clock::duration pause)
    : frames_(std::move(frames)), usage_(usage), pause_(pause), waiter_(reactor) {}

/// Whole events, 32 KiB at a time at most: others have their turn in between.
Piece Replay::take(std::size_t events_max) {
  const std::string_view rest = std::string_view(frames_).substr(at_);
  std::size_t size = 0;
  std::uint32_t events = 0;
  while (size < rest.size() && events < events_max) {
    const std::size_t frame = wire::first_frame(rest.substr(size)).size;
    if (size > 0 && size + frame > piece_max) break;
    size += frame;
    ++events;
  }
  at_ += size;
  return {.bytes = rest.substr(0, size), .last = at_ == frames_.size(), .events = events};
}

Task<Result<Piece>> Replay::next() {
  if (pause_ > Clock::duration::zero()) return next_paced();
  return Result<Piece>(take(piece_max));
}

Task<Result<Piece>> Replay::next_paced() {
  if (at_ > 0 && !cancelled_) co_await waiter_.wait(Clock::now() + pause_);
  if (cancelled_) co_return Error{.code = Code::cancelled, .message = "cancelled"};
  co_return take(1);
}

void Replay::cancel() {
  cancelled_ = true;
  waiter_.complete(net::IoStatus::cancelled);
}

Clock::duration pause_of(std::string_view replay) {
  constexpr std::string_view paced = "paced;tps=";
  if (!replay.starts_with(paced)) return {};
  replay.remove_prefix(paced.size());
  std::uint32_t a_second = 0;
  const auto error = std::from_chars(replay.data(), replay.data() + replay.size(), a_second).ec;
  if (error != std::errc{} || a_second == 0) return {};
  return Clock::duration(std::chrono::seconds(1)) / a_second;
}

}  // namespace hawser::stage::cache
