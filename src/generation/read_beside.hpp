#pragma once

#include <memory>
#include <optional>

#include "generation/generation.hpp"
#include "net/reactor.hpp"

namespace hawser::generation {

/// Reads a content beside the one who waits for it, so that the one may wait for something else
/// too: a time. The read outlives who asked for it.
class ReadBeside {
 public:
  ReadBeside(net::Reactor& reactor, std::unique_ptr<Content> content)
      : source_(std::make_shared<Source>(reactor, std::move(content))) {}
  ~ReadBeside() {
    source_->content->lead_to(nullptr);  // who was led to may go before what reads on
    if (source_->reading) source_->content->cancel();
  }
  ReadBeside(const ReadBeside&) = delete;
  ReadBeside& operator=(const ReadBeside&) = delete;

  /// The next piece; nothing when `until` came first. Error: cancelled, and those of the content
  Task<std::optional<Result<net::Piece>>> next(Clock::time_point until);

  /// Whether something was read that next() has not given yet, or is being read.
  bool holds_back() const { return source_->piece || source_->reading; }

  Content& content() { return *source_->content; }
  const Content& content() const { return *source_->content; }

 private:
  struct Source {
    Source(net::Reactor& reactor, std::unique_ptr<Content> from)
        : content(std::move(from)), arrived(reactor) {}
    std::unique_ptr<Content> content;
    net::Waiter arrived;
    std::optional<Result<net::Piece>> piece{};
    bool reading = false;
  };
  static Task<> read(std::shared_ptr<Source> source);

  std::shared_ptr<Source> source_;
};

}  // namespace hawser::generation
