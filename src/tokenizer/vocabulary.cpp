#include "tokenizer/vocabulary.hpp"

#include <bit>
#include <cstring>

// The assembler takes the files in; the build makes them before this file is compiled.
asm(".pushsection .rodata.hawser_token_tables,\"a\"\n"
    ".globl hawser_o200k_tables, hawser_cl100k_tables\n"
    ".hidden hawser_o200k_tables, hawser_cl100k_tables\n"
    ".balign 64\n"
    "hawser_o200k_tables: .incbin \"" HAWSER_O200K_TABLES
    "\"\n"
    ".balign 64\n"
    "hawser_cl100k_tables: .incbin \"" HAWSER_CL100K_TABLES
    "\"\n"
    ".popsection\n");
extern "C" const unsigned char hawser_o200k_tables[], hawser_cl100k_tables[];

static_assert(std::endian::native == std::endian::little, "the tables are little-endian");

namespace hawser::tokenizer {
namespace {

/// See tools/token_tables.py.
struct Header {
  std::uint32_t magic, tokens_count, root, cells_count, merge_bits, reserved[11];
};
static_assert(sizeof(Header) == 64);

}  // namespace

Vocabulary::Vocabulary(const unsigned char* tables) {
  Header header{};
  std::memcpy(&header, tables, sizeof(header));
  cells_ = reinterpret_cast<const std::uint32_t*>(tables + sizeof(header));
  ends_ = cells_ + header.cells_count;
  tokens_ = reinterpret_cast<const std::uint64_t*>(ends_ + header.cells_count);
  merges_ = tokens_ + header.tokens_count;
  filter_ = merges_ + (std::size_t{1} << header.merge_bits);
  merge_mask_ = (std::uint64_t{1} << header.merge_bits) - 1;
  root_ = header.root;
  tokens_count_ = header.tokens_count;
  merge_shift_ = 64 - static_cast<int>(header.merge_bits);
  byte_pairs_.resize(256 * 256);
  for (unsigned pair = 0; pair < 256 * 256; ++pair) {
    byte_pairs_[pair] = merged(token_of(static_cast<unsigned char>(pair >> 8)),
                               token_of(static_cast<unsigned char>(pair)));
  }
}

const Vocabulary& Vocabulary::of(Encoding encoding) {
  static const Vocabulary o200k(hawser_o200k_tables), cl100k(hawser_cl100k_tables);
  return encoding == Encoding::o200k ? o200k : cl100k;
}

}  // namespace hawser::tokenizer
