#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <utility>

#include "net/source.hpp"

namespace hawser::generation {

/// The part of an answer that comes before its content.
struct AnswerHead {
  int status = 200;
  std::string fields{};  // "Name: value\r\n"..., fit to go on; no lengths, nothing hop-by-hop
  std::optional<std::uint64_t> length{};  // of the content, when it is known
  bool event_stream = false;              // server-sent events that may be told apart
  bool bodiless = false;                  // 204, 304, the answer to HEAD
};

/// One answer being produced: a head and content that is read as it grows. Whoever drops it ends
/// it: an answer of a provider that is still running is cancelled there.
class Generation {
 public:
  Generation(AnswerHead head, std::unique_ptr<net::Source> content)
      : head_(std::move(head)), content_(std::move(content)) {}

  const AnswerHead& head() const { return head_; }
  AnswerHead& head() { return head_; }
  net::Source& content() { return *content_; }

 private:
  AnswerHead head_;
  std::unique_ptr<net::Source> content_;
};
using GenerationPtr = std::unique_ptr<Generation>;

/// An answer that is all there: our own, or one that was read whole.
GenerationPtr make_whole(AnswerHead head, std::string content);

}  // namespace hawser::generation
