#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

/// Characters as the patterns of the encodings see them: \p{L}, \p{N}, \s and what is neither.
namespace hawser::tokenizer {

/// What a character is, and in which parts of a pattern it may stand; combined.
enum CharacterClass : std::uint8_t {
  upper = 1,  // [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]: the head of a word in o200k
  lower = 2,  // [\p{Ll}\p{Lm}\p{Lo}\p{M}]: its tail
  letter = 4,
  number = 8,
  space = 16,    // also newlines
  newline = 32,  // \r or \n
  other = 64,    // [^\s\p{L}\p{N}]: also marks
};

/// Classes of all code points, in blocks; alike blocks of one class are stored once.
struct CharacterTable {
  static constexpr std::uint32_t block_bits = 7, block_size = 1u << block_bits;
  static constexpr std::uint32_t blocks_count = 0x110000 / block_size;

  constexpr std::uint8_t at(std::uint32_t point) const {
    return stored[block[point >> block_bits]][point & (block_size - 1)];
  }

  std::array<std::uint8_t, blocks_count> block{};
  std::array<std::array<std::uint8_t, block_size>, 256> stored{};
};
extern const CharacterTable character_table;

struct Character {
  std::uint8_t classes = 0;
  std::uint8_t size = 0;  // bytes
};

/// The character at `at`, where one stands: the text is valid UTF-8.
inline Character character_at(const char* at) {
  const auto byte = [at](int i) { return static_cast<std::uint32_t>(at[i] & 0xff); };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return {character_table.stored[0][first], 1};
  const auto tail = [&byte](int i) { return byte(i) & 63; };
  if (first < 0xe0) return {character_table.at((first & 31) << 6 | tail(1)), 2};
  if (first < 0xf0) return {character_table.at((first & 15) << 12 | tail(1) << 6 | tail(2)), 3};
  return {character_table.at((first & 7) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3)), 4};
}

}  // namespace hawser::tokenizer
