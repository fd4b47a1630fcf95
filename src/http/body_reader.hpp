#pragma once

#include <memory>

#include "net/source.hpp"
#include "net/stream.hpp"
#include "wire/http1.hpp"

namespace hawser::http {

/// Reads one HTTP/1.1 body off a connection, request or answer.
class BodyReader {
 public:
  BodyReader(net::Stream& stream, net::InBuffer& in) : stream_(stream), in_(in) {}

  void begin(wire::Framing framing, std::uint64_t length);
  bool done() const { return done_; }
  wire::Framing framing() const { return framing_; }
  std::uint64_t bytes() const { return bytes_; }  // content so far

  /// Everything that one read brought, taken out of its chunks, as one run. The view lives until
  /// the next call.
  /// Errors: connection (ended early), timeout, cancelled, invalid_request (chunks are malformed)
  Task<Result<net::Piece>> next(Clock::time_point deadline);
  /// The same without waiting; an empty piece that is not the last: nothing yet, wait() first.
  Result<net::Piece> next_now();
  /// Until there is something to read. Holds no memory meanwhile.
  net::Waiter::Wait wait(Clock::time_point deadline);
  /// What a wait that was not ok means for the body.
  static Error error_of(net::IoStatus status);
  /// Ends the view of the last piece: its bytes may be overwritten.
  void release();
  /// Takes the last `bytes` of the last piece back, which was not the body's last one: the next
  /// begins with them, and has more behind them. Their view ends here.
  void take_back(std::size_t bytes);

 private:
  Result<net::Piece> take_buffered();
  Result<net::Piece> take_chunks();
  net::Piece take_plain(std::uint64_t most);
  net::Piece lend(std::size_t read, std::size_t size);
  void park();
  void unpark();

  net::Stream& stream_;
  net::InBuffer& in_;
  std::uint64_t left_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint32_t lent_ = 0;   // bytes of `in_` under the last piece
  std::uint32_t piece_ = 0;  // its size
  std::uint32_t back_ = 0;   // bytes at the front of `in_` that were taken back: content already
  wire::Framing framing_ = wire::Framing::none;
  bool done_ = true;
  std::unique_ptr<char[]> parked_{};  // the same, instead, while nothing comes
  wire::ChunkDecoder chunks_;
};

}  // namespace hawser::http
