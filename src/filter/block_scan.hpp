#pragma once

#include <cstddef>
#include <cstdint>

/// The first look at text: 64 bytes at a time, sets of bytes as bits.
namespace hawser::filter {

/// One bit a byte of 64.
struct Block {
  std::uint64_t key;  // three bytes that a credential may begin with; some others too
  std::uint64_t digit, upper, alnum, hex, high;
  std::uint64_t at, colon, dash, dot, plus, equals, underscore, backslash;
};
/// Bytes that must be readable behind the blocks.
inline constexpr std::size_t block_overread = 2;

/// Looks at `count` blocks of `text` with the widest instructions of this machine.
void scan_blocks(const char* text, std::size_t count, Block* blocks);
/// The same byte by byte.
void scan_blocks_portably(const char* text, std::size_t count, Block* blocks);

}  // namespace hawser::filter
