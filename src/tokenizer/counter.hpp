#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tokenizer/tokenizer.hpp"
#include "tokenizer/utf8_repair.hpp"

namespace hawser::tokenizer {

/// Counts the tokens of a text that comes in pieces, wherever they are cut; bytes that are no UTF-8
/// may be among them. What the text goes on with can change only its last word or blanks: these are
/// kept, and all before is counted and forgotten. A word of more than 32 KiB is counted in parts,
/// and may come out as one token more or less at each.
class Counter {
 public:
  explicit Counter(Encoding encoding) : tokenizer_(encoding) {}

  void append(std::string_view bytes);

  /// The tokens if the text ended here: what Tokenizer::count() says of the whole.
  std::size_t total() const;

  /// The same at once, with a guess at what is kept.
  std::size_t about() const { return settled_ + (tail_.size() + 3) / 4; }

  /// Bytes that are kept.
  std::size_t kept() const { return tail_.size(); }

 private:
  Tokenizer tokenizer_;
  Utf8Repair repair_{};
  std::string tail_{};
  std::size_t settled_ = 0;  // tokens of what is forgotten
  std::size_t look_at_ = 0;  // bytes of the tail at which it is worth to look again
};

}  // namespace hawser::tokenizer
