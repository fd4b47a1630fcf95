#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "audit/key.hpp"
#include "audit/tree.hpp"

/// The form of the log (docs/audit.md): a folder of segments, audit-0000000001.log and on, of lines
///
///   <hash> {"seq":N,...}
///
/// where hash is the SHA-256 (64 digits) of a zero byte, the 32 bytes of the hash before it, and
/// the JSON as it stands. The first line of a segment says what went before; lines of type "root"
/// sign all lines since the last one.
namespace hawser::audit {

inline constexpr std::size_t line_max = 256 * 1024;
inline constexpr int format_version = 1;

/// Where a chain stands.
struct ChainState {
  std::string log{};  // id of the whole log: 32 digits
  std::uint64_t next_seq = 1;
  Digest hash{};  // of the last line; zeros before the first one
  std::uint64_t next_segment = 1;
};

/// Bytes behind the last good line of a segment: a write that never came to its end.
struct TornEnd {
  std::uint64_t segment = 0;
  std::uint64_t bytes = 0;
  Digest digest{};  // SHA-256 of them
};

/// What stands in the first line of a segment.
struct SegmentHead {
  std::string_view node{};
  std::string_view after{};  // begin, rotation, stop, crash
  std::int64_t time_us = 0;  // since the epoch
  std::vector<TornEnd> torn{};
  std::uint64_t adopted = 0;        // lines before it that no root signs yet
  std::uint64_t witness_ahead = 0;  // the witness has a root of that seq, and this log does not
};

/// Writes lines to memory: pure.
class Chain {
 public:
  Chain(ChainState state, Tree unsigned_lines, const SigningKey& key)
      : state_(std::move(state)), tree_(std::move(unsigned_lines)), key_(key) {}

  /// @param rest  of a JSON object behind its "seq": `"type":"x"}`
  void append(std::string_view rest, std::string& out);
  void begin_segment(const SegmentHead& head, std::string& out);
  /// Signs all lines since the last root; nothing where there are none.
  void sign(std::int64_t time_us, std::string& out);

  std::uint64_t lines_unsigned() const { return tree_.size(); }
  const ChainState& state() const { return state_; }

 private:
  void add_line(std::string_view rest, std::string& out);

  ChainState state_;
  Tree tree_;
  const SigningKey& key_;
  Hasher hasher_{};
  std::string text_{};
};

/// What is signed: bound to its purpose, so that the key's signatures mean nothing elsewhere.
std::string signed_text(std::string_view json_before_signature);

/// "audit-0000000001.log"
std::string segment_name(std::uint64_t number);
/// Nothing when it is not the name of a segment.
std::optional<std::uint64_t> segment_number(std::string_view name);

}  // namespace hawser::audit
