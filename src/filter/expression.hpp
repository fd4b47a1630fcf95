#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "filter/verdict.hpp"

namespace re2 {
class RE2;
}

namespace hawser::filter {

/// A regular expression of the user: RE2's syntax over UTF-8. The longest match counts, of at most
/// `size_max` bytes.
struct Expression {
  std::string pattern;
  bool any_case = false;
  std::size_t size_max = 256;  // 1 to 512 bytes
};
inline constexpr std::size_t expression_size_max = 512;

/// An expression together with one for all beginnings of its matches: what is held back is the
/// beginning of a match, to the byte.
class CompiledExpression {
 public:
  /// Fails with RE2's words, or for an expression that matches the empty text.
  static Result<CompiledExpression> compile(const Expression& expression);

  CompiledExpression(CompiledExpression&&) noexcept;
  ~CompiledExpression();

  /// The first place from `place` on where a match may begin, or one that only begun; past the
  /// text if there is none. May be too early, never too late.
  std::size_t next(const Place& place) const;
  Verdict match(const Place& place) const;
  /// Whether a match may begin with `byte`.
  bool may_begin(unsigned char byte) const { return first_[byte]; }

 private:
  CompiledExpression();
  void find_first_bytes();

  std::unique_ptr<re2::RE2> whole_, beginning_;
  std::size_t size_max_ = 0;
  std::array<bool, 256> first_{};  // bytes that a match may begin with
};

}  // namespace hawser::filter
