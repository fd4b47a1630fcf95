#include "tokenizer/characters.hpp"

#include <iterator>

namespace hawser::tokenizer {
namespace {

/// First code point << 4 | class, wherever the class changes. See tools/unicode_classes.py.
constexpr std::uint32_t ranges[] = {
#include "tokenizer/class_ranges.inc"
};

constexpr std::uint8_t classes_count = 8;  // above: capital and small letters take turns

constexpr std::uint32_t begin_of(std::size_t range) {
  return range < std::size(ranges) ? ranges[range] >> 4 : 0x110000;
}

constexpr std::uint8_t class_of(std::size_t range, std::uint32_t point) {
  constexpr std::uint8_t numbered[] = {
      upper | letter, lower | letter, upper | lower | letter, upper | lower | other,
      number,         space,          space | newline,        other};
  const std::uint32_t kind = ranges[range] & 15;
  if (kind < classes_count) return numbered[kind];
  return numbered[(kind - classes_count) ^ ((point - begin_of(range)) & 1)];
}

/// Block 0 is ASCII: character_at() relies on it.
constexpr CharacterTable make_table() {
  CharacterTable table;
  std::array<std::uint8_t, 128> block_of_class{};  // that are of one class; 0: not stored yet
  std::uint8_t stored = 0;
  std::size_t range = 0;
  for (std::uint32_t block = 0; block < CharacterTable::blocks_count; ++block) {
    const std::uint32_t begin = block * CharacterTable::block_size;
    const std::uint32_t end = begin + CharacterTable::block_size;
    while (begin_of(range + 1) <= begin) ++range;
    const bool alike = begin_of(range + 1) >= end && (ranges[range] & 15) < classes_count;
    const std::uint8_t first = class_of(range, begin);
    if (alike && block_of_class[first] != 0) {
      table.block[block] = block_of_class[first];
      continue;
    }
    std::size_t at = range;
    for (std::uint32_t point = begin; point < end; ++point) {
      while (begin_of(at + 1) <= point) ++at;
      table.stored[stored][point - begin] = class_of(at, point);
    }
    if (alike) block_of_class[first] = stored;
    table.block[block] = stored++;
  }
  return table;
}

constexpr CharacterTable made = make_table();
static_assert(made.block[0x10ffff >> CharacterTable::block_bits] != 0, "more than 256 blocks");

}  // namespace

constinit const CharacterTable character_table = made;

}  // namespace hawser::tokenizer
