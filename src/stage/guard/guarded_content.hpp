#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "dialect/stream_texts.hpp"
#include "generation/read_beside.hpp"
#include "stage/guard/guard.hpp"

namespace hawser::stage::guard {

/// A streamed answer of which nothing leaves that its guards did not allow. Its text is judged in
/// windows, each with the end of the one before, so that nothing hides between two.
class GuardedContent final : public generation::ContentDecorator {
 public:
  /// @param about      all of the question but the text
  /// @param must_read  an event that cannot be read ends the answer
  GuardedContent(net::Reactor& reactor, std::unique_ptr<generation::Content> content,
                 dialect::Api api, std::vector<GuardPtr> guards, Question about, bool must_read);

  /// Errors: those of the content; filtered when a guard ended the answer; upstream when it cannot
  /// be read
  Task<Result<net::Piece>> next() override;

 private:
  generation::Content& content() override { return source_.content(); }
  const generation::Content& content() const override { return source_.content(); }
  bool holds_back() const override { return source_.holds_back() || !held_.empty(); }

  /// Reads until there is a window to judge. @return whether the content is over
  Task<bool> read_window();
  void take(const net::Piece& piece);
  bool full() const;
  std::shared_ptr<Question> question();

  net::Reactor& reactor_;
  generation::ReadBeside source_;
  dialect::StreamTexts texts_;
  std::vector<GuardPtr> guards_;
  Question about_;
  bool must_read_;
  std::size_t window_;
  milliseconds window_time_;
  std::string held_{};  // events whose texts are to be judged
  std::uint32_t events_ = 0;
  std::optional<Error> broken_{};
  std::string out_{};
};

}  // namespace hawser::stage::guard
