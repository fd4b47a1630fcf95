#include "front/http/loaded_body.hpp"

#include <algorithm>

namespace hawser::front::http {
namespace {

constexpr std::size_t unpacked_at_once = 32 * 1024;
constexpr std::uint64_t first_room = 128 * 1024;

/// What a decoder holds at most, its window before all else.
std::uint64_t memory_of(coding::Coding coding) {
  constexpr std::uint64_t mib = 1024 * 1024;
  switch (coding) {
    case coding::Coding::identity:
      return 0;
    case coding::Coding::gzip:
    case coding::Coding::deflate:
      return 64 * 1024;
    case coding::Coding::br:
      return 17 * mib;
    case coding::Coding::zstd:
      return 9 * mib;
  }
  return 0;
}

}  // namespace

Result<std::unique_ptr<DecodedBody>> DecodedBody::make(Parts parts) {
  // Who unpacks to less than a window has no use for one.
  const std::uint64_t needed =
      std::min(memory_of(parts.coding), parts.limits.size_max + 256 * 1024) + unpacked_at_once;
  if (auto room = parts.lease.grow(needed); !room) return room.error();
  return std::unique_ptr<DecodedBody>(new DecodedBody(std::move(parts)));
}

DecodedBody::DecodedBody(Parts parts)
    : coded_(parts.coded),
      lease_(std::move(parts.lease)),
      decoder_(parts.coding, parts.limits),
      turn_(parts.reactor),
      buffer_(unpacked_at_once, '\0') {}

Task<Result<net::Piece>> DecodedBody::next() {
  for (;;) {
    const auto step = decoder_.step(rest_, buffer_);
    if (!step) co_return step.error();
    rest_.remove_prefix(step->consumed);
    co_await turn_.spend(step->consumed + step->written);
    const std::string_view plain(buffer_.data(), step->written);
    const bool drained = rest_.empty() && step->written < buffer_.size();
    if (drained && coded_last_) {
      const auto whole = decoder_.finish();
      if (!whole) co_return whole.error();
      co_return net::Piece{.bytes = plain, .last = true};
    }
    if (!plain.empty()) co_return net::Piece{.bytes = plain};
    if (!drained) continue;
    auto piece = co_await coded_.next();
    if (!piece) co_return piece.error();
    rest_ = piece->bytes;
    coded_last_ = piece->last;
  }
}

Result<> make_room(LoadedBody& body, std::uint64_t size, std::uint64_t size_max) {
  const std::uint64_t before = body.whole.capacity();
  if (size <= before) return {};
  const std::uint64_t wanted = std::max(2 * before, first_room);
  const std::uint64_t room = std::max(size, std::min(wanted, size_max));
  // While it moves, both are there.
  if (auto more = body.lease.grow(room); !more) return more.error();
  body.whole.reserve(room);
  body.lease.shrink(std::min<std::uint64_t>(before, body.lease.bytes() - room));
  return {};
}

}  // namespace hawser::front::http
