#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "coding/coding.hpp"

namespace hawser::coding {

/// What unpacking may give at most. Who sends a few bytes must not make us hold many.
struct DecodeLimits {
  std::uint64_t size_max = 0;  // bytes after unpacking
  /// Bytes after unpacking to bytes before, where it is more than `ratio_free` in all.
  std::uint64_t ratio_max = 100;
  std::uint64_t ratio_free = 1024 * 1024;
};

/// Unpacks one body, however it is cut. Writes into memory of its caller, so nothing piles up
/// inside: it holds no more than the window of its coding (at most 8 MiB for zstd, 16 MiB for br,
/// 64 KiB for the others).
///
/// Error: too_large beyond a limit; invalid_request where the bytes are not of that coding. It is
/// spent then.
class Decoder {
 public:
  Decoder(Coding coding, const DecodeLimits& limits);
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;

  struct Step {
    std::size_t consumed = 0;
    std::size_t written = 0;
  };
  /// Unpacks from the front of `in` to the front of `out`, until one of them is used up. Where
  /// `out` was filled there may be more to write without more input: call again, with what is left
  /// of `in`, until it was not.
  Result<Step> step(std::string_view in, std::span<char> out);

  /// Everything was given to step(): fails where the end is missing. No bytes at all are an empty
  /// body.
  Result<> finish() const;

  std::uint64_t bytes_in() const { return bytes_in_; }
  std::uint64_t bytes_out() const { return bytes_out_; }

  /// step() until `in` is used up, through `buffer`; `sink(std::string_view)` gets what comes out.
  template <class Sink>
  Result<> feed(std::string_view in, std::span<char> buffer, Sink&& sink) {
    for (;;) {
      const auto done = step(in, buffer);
      if (!done) return done.error();
      in.remove_prefix(done->consumed);
      if (done->written > 0) sink(std::string_view(buffer.data(), done->written));
      if (in.empty() && done->written < buffer.size()) return {};
    }
  }

 private:
  struct State;
  Result<> check_limits() const;

  DecodeLimits limits_;
  Coding coding_;
  std::unique_ptr<State> state_;  // null for identity
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
};

/// A body that is all there.
Result<std::string> decode_whole(Coding coding, std::string_view in, const DecodeLimits& limits);

}  // namespace hawser::coding
