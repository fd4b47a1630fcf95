#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "dialect/api.hpp"
#include "dialect/response_event.hpp"
#include "dialect/usage.hpp"
#include "generation/reader.hpp"
#include "net/byte_budget.hpp"
#include "net/source.hpp"

namespace hawser::generation {

/// The part of an answer that comes before its content.
struct AnswerHead {
  std::string fields{};  // "Name: value\r\n"..., fit to go on; no lengths, nothing hop-by-hop
  std::optional<std::uint64_t> length{};  // of the content, when it is known
  /// What a reader that comes back has of a stream of responses already; null: nothing.
  std::shared_ptr<const dialect::ResponseProgress> progress{};
  int status = 200;
  ShortMilliseconds heartbeat{15'000};     // a silent stream of events gets a comment so often
  bool event_stream = false;               // server-sent events that may be told apart
  bool bodiless = false;                   // 204, 304, the answer to HEAD
  bool event_ids = false;                  // each event of a recorded stream gets an id line
  dialect::Api api = dialect::Api::other;  // of a recorded one: what it was asked of
};

/// The content of an answer as it comes in from whoever makes it.
class Content : public net::Source {
 public:
  /// @param next  what is touched after this content has something; null: nothing more
  virtual void lead_to(const net::Companion* next) = 0;
  /// Tokens used so far, as the provider tells them.
  virtual dialect::Usage usage() const = 0;
  /// Whether what it gave so far is all of the answer, though its stream may go on for a moment.
  virtual bool finished() const = 0;
  /// Whether it was put together from two calls.
  virtual bool spliced() const = 0;
  /// Ends a next() under way, and the call at the provider with it.
  virtual void cancel() = 0;
};

/// A content that changes, holds back or looks at another one's bytes. All that is asked of it
/// beside them is asked of that one, so that nothing of it gets lost on the way.
class ContentDecorator : public Content {
 public:
  void lead_to(const net::Companion* next) final { content().lead_to(next); }
  dialect::Usage usage() const final { return content().usage(); }
  bool finished() const final { return content().finished() && !holds_back(); }
  bool spliced() const final { return content().spliced(); }
  void cancel() final { content().cancel(); }

 protected:
  virtual Content& content() = 0;
  virtual const Content& content() const = 0;
  /// Whether it took something that it has not given yet.
  virtual bool holds_back() const = 0;
};

/// An answer as a transport reads it: a head, and either content that passes by, pulled piece by
/// piece, or a reader of a generation that is recorded and may outlive this connection. Whoever
/// drops passing content cancels it at its provider.
class Generation {
 public:
  Generation(AnswerHead head, std::unique_ptr<Content> content)
      : head_(std::move(head)), content_(std::move(content)) {}
  Generation(AnswerHead head, std::unique_ptr<Reader> reader)
      : head_(std::move(head)), reader_(std::move(reader)) {}

  const AnswerHead& head() const { return head_; }
  AnswerHead& head() { return head_; }
  /// Null for passing content.
  Reader* reader() { return reader_.get(); }
  const Reader* reader() const { return reader_.get(); }
  Content& content() { return *content_; }
  const Content& content() const { return *content_; }
  std::unique_ptr<Content> take_content() { return std::move(content_); }
  std::unique_ptr<Reader> take_reader() { return std::move(reader_); }

 private:
  AnswerHead head_;
  std::unique_ptr<Content> content_;
  std::unique_ptr<Reader> reader_;
};
using GenerationPtr = std::unique_ptr<Generation>;

/// What a provider's answer carries beside its bytes.
struct Told {
  dialect::Usage usage{};
  bool spliced = false;
};
/// An answer that is all there: our own, or one that was read whole. It is given in pieces, so that
/// a client that does not read makes nobody hold a second copy of it.
/// @param lease  of its memory
GenerationPtr make_whole(AnswerHead head, std::string content, const Told& told = {},
                         net::ByteLease lease = {});

}  // namespace hawser::generation
