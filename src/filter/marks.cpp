#include "filter/marks.hpp"

#include <algorithm>
#include <cstring>

#include "filter/block_scan.hpp"
#include "filter/character.hpp"

namespace hawser::filter {
namespace {

/// How far behind a place its mark may depend on.
constexpr std::size_t look_ahead = 8;
constexpr std::size_t local_size_max = 64;  // of an e-mail address

/// Marks the beginnings of words in the run of `local` bytes that ends before `end`.
void mark_run(std::string_view text, std::size_t from, std::size_t end, Marks& marks) {
  const std::size_t least = std::max(from, end > local_size_max ? end - local_size_max : 0);
  for (std::size_t at = end; at > least && in(local, text[at - 1]); --at) {
    const bool escaped = at >= 3 && text[at - 3] == '\\';  // "\n" before it
    if (in(word, text[at - 1]) && (at < 2 || !in(word, text[at - 2]) || escaped)) marks.set(at - 1);
  }
}

/// A block with its neighbours.
struct Blocks {
  const Block& before;
  const Block& at;
  const Block& behind;

  using Set = std::uint64_t Block::*;
  /// Bit i tells of the byte `count` before byte i.
  std::uint64_t back(Set set, unsigned count = 1) const {
    return at.*set << count | before.*set >> (64 - count);
  }
  /// Bit i tells of the byte `count` behind byte i.
  std::uint64_t ahead(Set set, unsigned count) const {
    return at.*set >> count | behind.*set << (64 - count);
  }
};

std::uint64_t hexes(const Blocks& blocks, std::uint64_t begins) {
  std::uint64_t run = blocks.at.hex & begins, found = 0;
#pragma GCC unroll 4
  for (unsigned size = 1; size <= 4; ++size) {  // shifts by constants
    const std::uint64_t goes_on =
        blocks.ahead(&Block::hex, size + 1) | blocks.ahead(&Block::colon, size + 1);
    found |= run & blocks.ahead(&Block::colon, size) & goes_on;
    if (size == 2) found |= run & blocks.ahead(&Block::dash, 2) & blocks.ahead(&Block::dash, 5);
    run &= blocks.ahead(&Block::hex, size);
  }
  return found;
}

/// Most blocks of prose lack what most kinds begin with: they are passed over.
std::uint64_t wanted_bits(const Blocks& blocks, const Wanted& wanted) {
  const Block& at = blocks.at;
  const std::uint64_t after_alnum = blocks.back(&Block::alnum) & ~blocks.back(&Block::backslash, 2);
  const std::uint64_t begins = ~(after_alnum | blocks.back(&Block::underscore));
  const std::uint64_t digit_1 = blocks.ahead(&Block::digit, 1);
  const std::uint64_t digit_2 = blocks.ahead(&Block::digit, 2);
  const std::uint64_t upper_1 = blocks.ahead(&Block::upper, 1);
  std::uint64_t found = 0;
  if (wanted.keys) {
    found |= at.key & ~at.dash & ~after_alnum;
    found |= at.key & at.dash & ~blocks.back(&Block::dash);
  }
  if (wanted.numbers && (at.digit | at.plus) != 0) {
    const std::uint64_t long_ones = digit_1 & (digit_2 | blocks.ahead(&Block::dot, 2));
    found |= at.digit & begins & (long_ones | blocks.ahead(&Block::dot, 1));
    found |= at.plus & begins & digit_1;
  }
  if (wanted.codes && (at.digit | blocks.behind.digit) != 0) {
    found |= at.upper & begins & (digit_1 | (upper_1 & digit_2));
    found |= at.digit & begins & upper_1 & digit_2;
  }
  const std::uint64_t colons_or_dashes =
      at.colon | at.dash | blocks.behind.colon | blocks.behind.dash;
  if (wanted.hexes && colons_or_dashes != 0) found |= hexes(blocks, begins);
  if (wanted.plates && at.high != 0 && (at.upper | blocks.behind.upper) != 0) {
    found |= at.high & blocks.ahead(&Block::high, 1) & blocks.ahead(&Block::high, 2) &
             blocks.ahead(&Block::upper, 3);
  }
  if (wanted.assignments) found |= at.colon | at.equals;
  return found;
}

}  // namespace

void mark(std::string_view text, std::size_t from, const Wanted& wanted, Marks& marks) {
  if (from >= text.size()) return;
  const std::size_t first = (from > 1 ? from - 2 : 0) / 64;  // with two bytes before `from`
  const std::size_t count = text.size() / 64 + 1 - first;
  std::array<Block, window_max / 64 + 3> blocks;
  // The last ones are looked at in a copy: nothing behind the text may be read.
  const char* const begin = text.data() + first * 64;
  const std::size_t size = text.size() - first * 64;
  const std::size_t whole = size < block_overread ? 0 : (size - block_overread) / 64;
  scan_blocks(begin, whole, blocks.data());
  std::array<char, 192> rest{};
  std::memcpy(rest.data(), begin + whole * 64, size - whole * 64);
  scan_blocks(rest.data(), count - whole, blocks.data() + whole);
  blocks[count] = {};

  const Block nothing{};
  for (std::size_t i = 0; i < count; ++i) {
    const Blocks three{i > 0 ? blocks[i - 1] : nothing, blocks[i], blocks[i + 1]};
    marks.set_word(first + i, wanted_bits(three, wanted));
    if (!wanted.addresses) continue;
    for (std::uint64_t ats = blocks[i].at; ats != 0; ats &= ats - 1) {
      const auto bit = static_cast<std::size_t>(std::countr_zero(ats));
      const std::size_t at = (first + i) * 64 + bit;
      if (at >= from) mark_run(text, from, at, marks);
    }
  }
  if (wanted.addresses) mark_run(text, from, text.size(), marks);
  for (std::size_t at = std::max(from, text.size() - std::min(text.size(), look_ahead));
       at < text.size(); ++at) {
    if (wanted.first[static_cast<unsigned char>(text[at])]) marks.set(at);
  }
}

}  // namespace hawser::filter
