#include "http/body_reader.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace hawser::http {

using net::IoStatus;
using net::Piece;
using wire::Framing;

void BodyReader::begin(Framing framing, std::uint64_t length) {
  framing_ = framing;
  left_ = length;
  bytes_ = 0;
  lent_ = 0;
  chunks_ = {};
  done_ = framing == Framing::none || (framing == Framing::length && length == 0);
}

Error BodyReader::error_of(IoStatus status) {
  switch (status) {
    case IoStatus::timeout:
      return {.code = Code::timeout, .message = "the sender fell silent in the middle of a body"};
    case IoStatus::cancelled:
      return {.code = Code::cancelled, .message = "cancelled"};
    default:
      return {.code = Code::connection, .message = "the connection ended in the middle of a body"};
  }
}

Result<Piece> BodyReader::next_now() {
  for (;;) {
    auto piece = take_buffered();
    if (!piece || piece->last || !piece->bytes.empty()) return piece;
    const IoStatus status = stream_.read_now(in_);
    if (status == IoStatus::ok) continue;
    if (status == IoStatus::would_block) return Piece{};
    if (status == IoStatus::closed && framing_ == Framing::until_close) {
      done_ = true;
      return Piece{.last = true};
    }
    return error_of(status);
  }
}

net::Waiter::Wait BodyReader::wait(Clock::time_point deadline) {
  in_.release_if_empty();
  return stream_.wait(net::Channel::Want::read, deadline);
}

Task<Result<Piece>> BodyReader::next(Clock::time_point deadline) {
  for (;;) {
    auto piece = next_now();
    if (!piece || piece->last || !piece->bytes.empty()) co_return piece;
    const IoStatus waited = co_await wait(deadline);
    if (waited != IoStatus::ok) co_return error_of(waited);
  }
}

void BodyReader::release() {
  in_.consume(std::exchange(lent_, 0));
}

Result<Piece> BodyReader::take_buffered() {
  release();
  if (done_) return Piece{.last = true};
  switch (framing_) {
    case Framing::chunked:
      return take_chunks();
    case Framing::length: {
      Piece piece = take_plain(left_);
      left_ -= piece.bytes.size();
      piece.last = done_ = left_ == 0;
      return piece;
    }
    case Framing::until_close:
      return take_plain(in_.size());
    case Framing::none:
      break;
  }
  return Piece{.last = true};
}

Piece BodyReader::take_plain(std::uint64_t most) {
  lent_ = static_cast<std::size_t>(std::min<std::uint64_t>(most, in_.size()));
  bytes_ += lent_;
  return {.bytes = in_.view().substr(0, lent_)};
}

Result<Piece> BodyReader::take_chunks() {
  // The contents of all whole and part chunks are moved together: one run, one write downstream.
  char* const begin = in_.data();
  const std::string_view all = in_.view();
  std::size_t read = 0, kept = 0;
  while (read < all.size() && !done_) {
    const auto step = chunks_.feed(all.substr(read));
    if (step.state == wire::ChunkDecoder::State::malformed) {
      if (kept > 0) break;  // what came before is good; the next call meets the same again
      return Error{.code = Code::invalid_request, .message = "the chunked coding is malformed"};
    }
    if (!step.data.empty()) {
      if (begin + kept != step.data.data()) {
        std::memmove(begin + kept, step.data.data(), step.data.size());
      }
      kept += step.data.size();
    }
    read += step.consumed;
    done_ = step.state == wire::ChunkDecoder::State::done;
    if (step.consumed == 0) break;
  }
  lent_ = read;
  bytes_ += kept;
  return Piece{.bytes = {begin, kept}, .last = done_};
}

}  // namespace hawser::http
