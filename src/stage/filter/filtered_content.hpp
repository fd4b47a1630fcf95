#pragma once

#include <memory>

#include "generation/read_beside.hpp"
#include "stage/filter/event_filter.hpp"

namespace hawser::stage::filter {

/// What is said of an answer that a rule must read and cannot.
Error unreadable_answer(std::string_view why);

/// A stream of events whose texts are filtered as it passes. What is held back goes on after 200 ms
/// at most, even if the provider is silent: so it is read beside the one who waits for it.
class FilteredContent final : public generation::ContentDecorator {
 public:
  FilteredContent(net::Reactor& reactor, std::unique_ptr<generation::Content> content,
                  dialect::Api api, AnswerRules rules)
      : source_(reactor, std::move(content)), rules_(std::move(rules)), filter_(api, rules_) {}

  /// Errors: those of the content; filtered when a rule ended the answer; upstream when it must be
  /// read and cannot be
  Task<Result<net::Piece>> next() override;

 private:
  generation::Content& content() override { return source_.content(); }
  const generation::Content& content() const override { return source_.content(); }
  bool holds_back() const override { return source_.holds_back() || filter_.holds_back(); }
  Result<net::Piece> leave(bool last);

  generation::ReadBeside source_;
  AnswerRules rules_;
  EventFilter filter_;
  std::string out_;
};

}  // namespace hawser::stage::filter
