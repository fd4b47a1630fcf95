#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hawser::stage::cache {

/// What a text is written in: its script, and of those in Latin letters what its commonest words
/// say. Few words say nothing.
class LanguageGuess {
 public:
  /// A character of another script than the Latin one; UTF-8.
  void see_character(std::string_view character);
  /// A word of Latin letters, in small ones.
  void see_word(std::string_view word);

  /// Whether both are known and differ.
  bool differs(const LanguageGuess& other) const;

 private:
  static constexpr std::size_t languages = 7;
  static constexpr std::size_t scripts = 6;  // Han, kana, hangul, Cyrillic, Arabic, other
  int language() const;
  int script() const;

  std::array<std::uint32_t, languages> words_{};
  std::array<std::uint32_t, scripts> characters_{};
};

}  // namespace hawser::stage::cache
