#pragma once

#include <string>
#include <string_view>

namespace hawser {

/// Takes needless escapes off a JSON text that comes in pieces: \u0041 becomes A, \/ becomes /. It
/// stays the same JSON, and what stands in its strings can be looked for: only quotes, backslashes
/// and control characters are still escaped. The text that leaves does not depend on the cuts.
class PlainEscapes {
 public:
  void feed(std::string_view piece, std::string& out);
  /// The text ends: appends what was held, as it came.
  void flush(std::string& out);
  /// Bytes of an escape that has begun.
  std::size_t held() const { return held_.size(); }

 private:
  void take(std::string& out);

  std::string held_;
};

std::string with_plain_escapes(std::string_view json);

/// Appends `text` as it stands inside a JSON string: its quotes, backslashes and control characters
/// escaped.
void append_json_escaped(std::string& out, std::string_view text);

}  // namespace hawser
