#pragma once

#include <functional>

#include "audit/chain.hpp"

namespace hawser::audit {

/// A line that follows from the one before it.
struct Line {
  std::uint64_t seq = 0;
  std::string_view type{};
  std::string_view json{};
  Digest before{};
  Digest hash{};
};

/// Reads one segment as it comes in pieces, in bounded memory. The first line says what it follows;
/// each other one must follow the one before it. What is behind the first that does not is the
/// tail.
class SegmentReader {
 public:
  using Each = std::function<void(const Line& line)>;

  void feed(std::string_view bytes, const Each& each);
  /// No more bytes: half a line belongs to the tail.
  void end();

  /// Of the good lines. Only where there were any.
  const Digest& hash() const { return hash_; }
  std::uint64_t next_seq() const { return next_seq_; }
  std::uint64_t lines() const { return lines_; }
  std::uint64_t good_bytes() const { return good_bytes_; }

  std::uint64_t tail_bytes() const { return tail_bytes_; }
  Digest tail_digest() const { return tail_digest_; }
  /// The tail holds whole lines: no write that was cut short leaves those.
  bool tail_has_lines() const { return tail_has_lines_; }

 private:
  bool take(std::string_view line, const Each& each);
  void add_tail(std::string_view bytes);

  Hasher hasher_{};
  Hasher tail_hasher_{};
  std::string rest_{};
  Digest hash_{};
  std::uint64_t next_seq_ = 0;
  std::uint64_t lines_ = 0;
  std::uint64_t good_bytes_ = 0;
  std::uint64_t tail_bytes_ = 0;
  Digest tail_digest_{};
  bool broken_ = false;
  bool tail_has_lines_ = false;
};

/// A member that is 64 digits.
std::optional<Digest> digest_member(std::string_view json, std::string_view name);

}  // namespace hawser::audit
