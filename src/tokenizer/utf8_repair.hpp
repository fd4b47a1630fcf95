#pragma once

#include <string>
#include <string_view>

#include "base/utf8.hpp"

/// Text out of bytes that may be none: each part that cannot be a character's becomes U+FFFD.
namespace hawser::tokenizer {

bool is_utf8(std::string_view bytes);

/// For bytes that come in pieces; a character may be cut between two.
class Utf8Repair {
 public:
  /// Appends the text of `bytes` to `out`, but for a character at the end that is not whole yet.
  void append(std::string_view bytes, std::string& out);
  /// The bytes have come to their end.
  void finish(std::string& out);

 private:
  Utf8Checker checker_{};
  std::string begun_{};  // bytes of a character that is not whole yet
};

/// The text of `bytes`.
std::string repaired(std::string_view bytes);

}  // namespace hawser::tokenizer
