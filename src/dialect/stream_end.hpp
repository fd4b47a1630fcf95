#pragma once

#include <string_view>

#include "dialect/api.hpp"

namespace hawser::dialect {

/// Watches the frames of a streamed answer for the sign that it is complete: the SDKs take a clean
/// end of the connection for a whole answer, so someone must know better.
class StreamEnd {
 public:
  explicit StreamEnd(Api api) : api_(api) {}

  /// @param frames  whole events as they stand on the wire
  void see(std::string_view frames);
  /// Whether the stream may end here: its terminal event, a finish reason or an error was seen, or
  /// the API has no terminal event that we know.
  bool complete() const {
    return ended_ || api_ == Api::other || api_ == Api::embeddings || api_ == Api::response;
  }
  /// Whether an event with data came at all.
  bool any_data() const { return any_data_; }

 private:
  Api api_;
  bool ended_ = false;
  bool any_data_ = false;
};

/// Whether `frames` begins with an event that reports an error in place of an answer.
bool starts_with_error(std::string_view frames);

}  // namespace hawser::dialect
