#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

namespace hawser::filter {

/// Most bytes of text that are looked at in one go.
inline constexpr std::size_t window_max = 2048;

/// Places in a window where something may begin: one bit a byte. Marks may be too many, never too
/// few; the detectors decide.
class Marks {
 public:
  explicit Marks(std::size_t size) : words_count_(size / 64 + 1) {
    for (std::size_t i = 0; i < words_count_; ++i) words_[i] = 0;
  }

  void set(std::size_t at) { words_[at / 64] |= std::uint64_t{1} << (at % 64); }
  void set_word(std::size_t index, std::uint64_t bits) { words_[index] |= bits; }
  bool has(std::size_t at) const { return (words_[at / 64] >> (at % 64) & 1) != 0; }
  /// The first mark at `at` or behind; npos: none.
  std::size_t next(std::size_t at) const {
    std::size_t index = at / 64;
    if (index >= words_count_) return npos;
    std::uint64_t bits = words_[index] & ~std::uint64_t{0} << (at % 64);
    while (bits == 0) {
      if (++index >= words_count_) return npos;
      bits = words_[index];
    }
    return index * 64 + static_cast<std::size_t>(std::countr_zero(bits));
  }

  static constexpr std::size_t npos = std::string_view::npos;

 private:
  std::size_t words_count_;
  std::array<std::uint64_t, window_max / 64 + 2> words_;  // only the first words_count_ are set
};

/// Which kinds of places are wanted.
struct Wanted {
  bool keys = false;              // where a known credential or a PEM block may begin
  bool numbers = false;           // where a number begins, or '+' and a number
  bool codes = false;             // where capital letters go over into digits
  bool addresses = false;         // where the words before an '@' begin
  bool hexes = false;             // hexadecimal digits before a ':' or '-'
  bool plates = false;            // a character before a capital letter
  bool assignments = false;       // '=' and ':'
  std::array<bool, 256> first{};  // bytes that any of it may begin with
};

/// Marks `text` from `from` on, at most window_max bytes. The last bytes, where what follows is
/// not known, are marked for all that may begin there.
void mark(std::string_view text, std::size_t from, const Wanted& wanted, Marks& marks);

}  // namespace hawser::filter
