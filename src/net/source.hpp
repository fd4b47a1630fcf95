#pragma once

#include <string_view>

#include "base/result.hpp"
#include "base/task.hpp"

namespace hawser::net {

/// One run of bytes; the view lives until the next call of its source.
struct Piece {
  std::string_view bytes{};
  bool last = false;
  std::uint32_t events = 0;  // of an event stream: whole events in it; 0: not known
};

/// Bytes that arrive over time: a request's body, an answer. Pulled, so that who reads slowly slows
/// the sender and nothing piles up in between.
class Source {
 public:
  virtual ~Source() = default;
  /// The next run; never empty unless it is the last.
  virtual Task<Result<Piece>> next() = 0;
};

}  // namespace hawser::net
