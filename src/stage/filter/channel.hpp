#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/plain_escapes.hpp"
#include "filter/restorer.hpp"
#include "filter/stream.hpp"
#include "filter/vault.hpp"
#include "stage/filter/policy.hpp"

namespace hawser::stage::filter {

/// What the answers of one exchange are filtered with.
struct AnswerRules {
  std::shared_ptr<const hawser::filter::Scanner> scanner{};  // null: only pseudonyms are restored
  std::shared_ptr<hawser::filter::Vault> vault{};
  std::function<void(const hawser::filter::Finding&)> found{};
  bool must_read = false;  // what cannot be read ends the answer
};

/// One text of an answer, as it comes in pieces: what the model wrote goes through the rules, then
/// pseudonyms become values again.
class Channel {
 public:
  /// @param json  the text is JSON: the arguments of a tool call
  explicit Channel(const AnswerRules& rules, bool json = false)
      : rules_(rules), restorer_(*rules.vault, json) {
    if (json) escapes_.emplace();
    if (rules.scanner) stream_.emplace(rules.scanner, *rules.vault);
  }

  /// Appends to `out` what may leave now.
  void feed(std::string_view piece, Clock::time_point now, std::string& out) {
    if (escapes_) {
      plain_.clear();
      escapes_->feed(piece, plain_);
      piece = plain_;
    }
    pass_piece(piece, out, now);
  }
  void flush(std::string& out) {
    if (escapes_) {
      std::string rest;
      escapes_->flush(rest);
      if (!rest.empty()) pass_piece(rest, out);
    }
    if (stream_) {
      begin();
      stream_->flush(output_);
      pass(out);
    }
    restorer_.flush(out);
  }
  /// Lets go what was held too long.
  void release(Clock::time_point now, std::string& out) {
    if (stream_) {
      begin();
      stream_->release(now, output_);
      pass(out);
    }
  }
  std::optional<Clock::time_point> due() const { return stream_ ? stream_->due() : std::nullopt; }
  std::size_t held() const {
    return restorer_.held() + (stream_ ? stream_->held() : 0) + (escapes_ ? escapes_->held() : 0);
  }
  bool blocked() const { return stream_ && stream_->blocked(); }

 private:
  void pass_piece(std::string_view piece, std::string& out, Clock::time_point now = {}) {
    if (!stream_) return restorer_.feed(piece, out);
    begin();
    stream_->feed(piece, now, output_);
    pass(out);
  }
  void begin() {
    output_.text.clear();
    output_.findings.clear();
  }
  void pass(std::string& out) {
    for (const auto& finding : output_.findings) rules_.found(finding);
    restorer_.feed(output_.text, out);
  }

  const AnswerRules& rules_;
  std::optional<hawser::filter::Stream> stream_{};
  hawser::filter::Restorer restorer_;
  hawser::filter::Output output_{};
  std::optional<PlainEscapes> escapes_{};
  std::string plain_{};
};

}  // namespace hawser::stage::filter
