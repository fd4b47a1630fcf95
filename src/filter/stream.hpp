#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "filter/pem_tail.hpp"
#include "filter/scanner.hpp"
#include "filter/vault.hpp"

namespace hawser::filter {

/// What a stream gives: callers clear it and use it again.
struct Output {
  std::string text;
  std::vector<Finding> findings;

  bool operator==(const Output&) const = default;
};

/// One channel of text through the rules of a scanner: text in pieces in, text in pieces out.
///
/// Held back is only what begins a match that is not decided, at most 128 bytes for personal
/// data, 256 for credentials and what an expression's own limit is. Whole characters leave, if
/// whole ones come. The text that leaves and the findings do not depend on the cuts, unless
/// release() gave up waiting. For one thread at a time.
class Stream {
 public:
  /// `vault` outlives the stream.
  Stream(std::shared_ptr<const Scanner> scanner, Vault& vault);

  /// Appends to `out` what may leave now.
  void feed(std::string_view piece, Clock::time_point now, Output& out);
  /// The text ends: appends the rest.
  void flush(Output& out);
  /// Lets go what was held for longer than 200 ms, but for the beginnings of credentials. What
  /// then turns out to be a match loses only what has not left.
  void release(Clock::time_point now, Output& out);
  /// When to call release(); nothing if nothing waits.
  std::optional<Clock::time_point> due() const;

  /// A rule ended the text: nothing leaves any more.
  bool blocked() const { return blocked_; }
  /// Bytes that came and have not left.
  std::size_t held() const { return window_.size() - sent_; }
  /// Bytes of memory that this stream takes.
  std::size_t memory() const {
    return sizeof(*this) + window_.capacity() + flagged_until_.capacity() * sizeof(std::uint64_t);
  }

  static constexpr milliseconds held_max{200};

 private:
  void scan(bool ended, Output& out);
  bool scan_text(bool ended, Output& out);
  Verdict match_at(std::size_t at, bool ended, Output& out, std::size_t& rule);
  void apply(const Verdict& verdict, std::size_t rule, Output& out);
  void replace(std::size_t rule, std::string_view found, Output& out);
  bool drop_tail(bool ended, Output& out);
  bool drop_bytes(bool ended);
  bool drop_pem(bool ended);
  void emit(std::size_t end, Output& out);
  void trim();
  void note_hold(Clock::time_point now);

  std::shared_ptr<const Scanner> scanner_;
  Vault* vault_;
  std::string window_;       // what is not decided, and some of what stands before it
  std::uint64_t start_ = 0;  // of the window in the text
  std::size_t scanned_ = 0;  // of the window: decided before it
  std::size_t sent_ = 0;     // of the window: left, or was replaced

  Tail tail_ = Tail::none;  // what is being dropped
  ByteSet tail_bytes_ = 0;
  PemTail pem_;
  Finding open_;  // the one whose tail is being dropped

  bool secret_ = false;  // what is held is the beginning of a credential
  bool blocked_ = false;
  std::uint64_t hold_ = 0;  // where what is held begins in the text
  std::optional<Clock::time_point> held_since_;
  std::vector<std::uint64_t> flagged_until_;  // by rule that flags: found up to there in the text
};

}  // namespace hawser::filter
