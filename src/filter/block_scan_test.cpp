#include "filter/block_scan.hpp"

#include <gmock/gmock.h>

#include <cstring>

#include "filter/sample.hpp"

namespace hawser::filter {
namespace {

TEST(BlockScan, VectorsSeeWhatBytesTell) {
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    std::string text = sample_text(random, 256 + block_overread);
    for (int i = 0; i < 60; ++i) {
      text[below(random, text.size())] = static_cast<char>(below(random, 256));
    }
    std::array<Block, 4> fast{}, slow{};
    scan_blocks(text.data(), fast.size(), fast.data());
    scan_blocks_portably(text.data(), slow.size(), slow.data());
    ASSERT_EQ(std::memcmp(fast.data(), slow.data(), sizeof(fast)), 0) << text;
  }
}

TEST(BlockScan, EveryFormatOfKeysIsACandidate) {
  for (const KeyFormat& format : key_formats()) {
    const std::string text = std::string(format.prefix) + std::string(80, ' ');
    Block block{};
    scan_blocks(text.data(), 1, &block);
    EXPECT_EQ(block.key & 1, 1u) << format.prefix;
  }
}

}  // namespace
}  // namespace hawser::filter
