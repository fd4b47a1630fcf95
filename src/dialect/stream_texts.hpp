#pragma once

#include <string>
#include <string_view>

#include "dialect/api.hpp"

namespace hawser::dialect {

/// The texts that some events of a stream add.
struct AddedTexts {
  std::string pieces{};  // what is told in pieces, of all choices and tools: one running text
  std::string wholes{};  // all else that was not told before, a line each
  void clear() {
    pieces.clear();
    wholes.clear();
  }
  bool empty() const { return pieces.empty() && wholes.empty(); }
};

/// Gathers all texts of a streamed answer for somebody who judges them. An event that repeats a
/// text adds nothing; one that brings a text in a member that no client is known to read adds it.
class StreamTexts {
 public:
  explicit StreamTexts(Api api) : api_(api) {}

  /// Appends what some events add.
  /// @param frames  whole events as they stand on the wire
  /// @return false: one of them is not read, its data is neither a JSON object nor "[DONE]"
  bool feed(std::string_view frames, AddedTexts& added);

 private:
  bool take(std::string_view frame, AddedTexts& added);
  bool told(std::string_view text) const;

  Api api_;
  AddedTexts told_{};  // the ends of what was added before
  std::string scratch_{};
};

}  // namespace hawser::dialect
