#pragma once

#include <array>
#include <cstddef>
#include <string_view>

/// Token counts of models whose tokenizer is not public, from bytes; they learn from real usage.
namespace hawser::tokenizer {

/// Kinds of script that differ in bytes a token.
enum class Script : unsigned char {
  ascii,
  cjk,    // Han, kana, Hangul and their punctuation: three bytes a character
  other,  // all else beyond ASCII
};
inline constexpr std::size_t scripts_count = 3;

/// How many bytes of a text are of each script; in the order of Script.
using ScriptBytes = std::array<std::size_t, scripts_count>;

/// Bytes that are no UTF-8 are `other`.
ScriptBytes script_bytes(std::string_view text);

/// Bytes a token of each script, in the order of Script.
class ByteRatios {
 public:
  using Ratios = std::array<double, scripts_count>;

  explicit ByteRatios(const Ratios& ratios) : ratios_(ratios) {}

  /// Where a model of this name starts to learn from: claude, gemini, or what OpenAI's have.
  static ByteRatios for_model(std::string_view model);

  /// Rounded up.
  std::size_t estimate(const ScriptBytes& bytes) const;

  /// A provider said how many tokens these bytes were. An exponentially weighted average: each
  /// ratio moves by its script's share of the tokens, the more so the longer the text is.
  void learn(std::size_t actual_tokens, const ScriptBytes& bytes);

  const Ratios& ratios() const { return ratios_; }

 private:
  Ratios ratios_;
};

}  // namespace hawser::tokenizer
