#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace hawser::tokenizer {

/// Remembers how many tokens short pieces have; a new one takes the place of an old one. 1 MiB.
/// Ordinary text repeats itself: more than nine pieces of ten are found.
class WordCache {
 public:
  static constexpr std::size_t size_max = 15;  // bytes of a piece

  /// The bytes of a piece and, in the last, their number.
  struct Key {
    std::uint64_t low, high;
  };
  /// @param size  1 to size_max
  /// @param readable  16 bytes may be read at `piece`
  static Key key_of(const char* piece, std::size_t size, bool readable) {
    Key key{};
    if (readable) {
      std::memcpy(&key, piece, sizeof(key));
      const std::uint64_t ones = ~std::uint64_t{0};
      if (size <= 8) {
        key.low &= ones >> (64 - 8 * size);
        key.high = 0;
      } else {
        key.high &= ones >> (128 - 8 * size);
      }
    } else {
      std::memcpy(&key, piece, size);
    }
    key.high |= static_cast<std::uint64_t>(size) << 56;
    return key;
  }

  /// The number of tokens; 0: not known.
  std::size_t find(const Key& key) const {
    const Key& entry = entries_[place_of(key)];
    const std::uint64_t difference = entry.high ^ key.high;
    if (entry.low != key.low || (difference & ~count_mask) != 0) return 0;
    return difference >> 60;
  }
  void put(const Key& key, std::size_t count) {
    entries_[place_of(key)] = {key.low, key.high | static_cast<std::uint64_t>(count) << 60};
  }

 private:
  static constexpr int bits = 16;
  static constexpr std::uint64_t count_mask = std::uint64_t{15} << 60;

  static std::size_t place_of(const Key& key) {
    const std::uint64_t mixed = key.low * 0x9e3779b97f4a7c15 ^ key.high * 0xd6e8feb86659fd93;
    return (mixed ^ mixed >> 29) * 0xbf58476d1ce4e5b9 >> (64 - bits);
  }

  std::array<Key, std::size_t{1} << bits> entries_{};
};

}  // namespace hawser::tokenizer
