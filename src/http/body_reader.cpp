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
  lent_ = piece_ = back_ = 0;
  parked_.reset();
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
  if (parked_) unpark();
  for (;;) {
    auto piece = take_buffered();
    if (!piece || piece->last || !piece->bytes.empty()) return piece;
    if (back_ > 0 && back_ == in_.size()) in_.to_front();
    const IoStatus status = stream_.read_now(in_);
    if (status == IoStatus::ok) continue;
    if (status == IoStatus::would_block) return Piece{};
    // Only its end says that such a body is whole, so it must be the sender's own end.
    if (status == IoStatus::closed && framing_ == Framing::until_close && !stream_.cut()) {
      done_ = true;
      return lend(back_, back_);
    }
    return error_of(status);
  }
}

net::Waiter::Wait BodyReader::wait(Clock::time_point deadline) {
  if (back_ > 0 && back_ == in_.size()) park();
  in_.release_if_empty();
  return stream_.wait(net::Channel::Want::read, deadline);
}

/// A silent body holds no block for a few bytes.
void BodyReader::park() {
  parked_.reset(new char[back_]);
  std::memcpy(parked_.get(), in_.data(), back_);
  in_.consume(back_);
}

void BodyReader::unpark() {
  std::memcpy(in_.room().data(), parked_.get(), back_);
  in_.filled(back_);
  parked_.reset();
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
  in_.consume(std::exchange(lent_, 0u));
}

void BodyReader::take_back(std::size_t bytes) {
  if (bytes == 0) return;
  char* const begin = in_.data();
  std::memmove(begin + lent_ - bytes, begin + piece_ - bytes, bytes);
  back_ = static_cast<std::uint32_t>(bytes);
  lent_ -= back_;
}

/// The first `size` bytes of the buffer as a piece, for which its first `read` were used up.
Piece BodyReader::lend(std::size_t read, std::size_t size) {
  lent_ = static_cast<std::uint32_t>(read);
  piece_ = static_cast<std::uint32_t>(size);
  back_ = 0;
  return {.bytes = in_.view().substr(0, size), .last = done_};
}

Result<Piece> BodyReader::take_buffered() {
  release();
  if (done_) return Piece{.last = true};
  switch (framing_) {
    case Framing::chunked:
      return take_chunks();
    case Framing::length:
      return take_plain(left_);
    case Framing::until_close:
      return take_plain(in_.size());
    case Framing::none:
      break;
  }
  return Piece{.last = true};
}

Piece BodyReader::take_plain(std::uint64_t most) {
  const auto more = static_cast<std::size_t>(std::min<std::uint64_t>(most, in_.size() - back_));
  if (more == 0) return {};
  bytes_ += more;
  if (framing_ == Framing::length) {
    left_ -= more;
    done_ = left_ == 0;
  }
  return lend(back_ + more, back_ + more);
}

Result<Piece> BodyReader::take_chunks() {
  // The contents of all whole and part chunks are moved together: one run, one write downstream.
  char* const begin = in_.data();
  const std::string_view all = in_.view();
  const std::size_t back = back_;
  std::size_t read = back, kept = back;
  while (read < all.size() && !done_) {
    const auto step = chunks_.feed(all.substr(read));
    if (step.state == wire::ChunkDecoder::State::malformed) {
      if (kept > back) break;  // what came before is good; the next call meets the same again
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
  bytes_ += kept - back;
  const Piece piece = lend(read, kept);
  if (kept > back || done_) return piece;
  take_back(kept);  // no content came
  release();
  return Piece{};
}

}  // namespace hawser::http
