#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/secure_random.hpp"

namespace hawser::dialect {

/// Stands for a text of any length, as it grows. A polynomial over the prime 2^61 - 1 at a point
/// that only this process knows: nobody outside can make two texts of n bytes agree but by a chance
/// of n in 2^61.
class TextFingerprint {
 public:
  void append(std::string_view text) {
    for (const char c : text) value_ = step(value_, static_cast<unsigned char>(c) + 1U);
  }
  void append(std::uint64_t number) { value_ = step(value_, number % prime); }
  std::uint64_t value() const { return value_; }

  static std::uint64_t of(std::string_view text) {
    TextFingerprint print;
    print.append(text);
    return print.value();
  }
  /// Of a name: quicker, and another number than of() gives.
  static std::uint64_t of_name(std::string_view name) {
    constexpr std::size_t word_size = 7;
    TextFingerprint print;
    print.append(name.size());
    while (!name.empty()) {
      std::uint64_t word = 0;
      const std::size_t size = name.size() < word_size ? name.size() : word_size;
      std::memcpy(&word, name.data(), size);
      print.append(word);
      name.remove_prefix(size);
    }
    return print.value();
  }
  /// Of a step on a path: where it starts, and what comes.
  static std::uint64_t of(std::uint64_t from, std::uint64_t next) {
    TextFingerprint print;
    print.append(from);
    print.append(next);
    return print.value();
  }

 private:
  static constexpr std::uint64_t prime = (std::uint64_t{1} << 61U) - 1;

  __extension__ using Wide = unsigned __int128;

  static std::uint64_t step(std::uint64_t value, std::uint64_t next) {
    const auto product = static_cast<Wide>(value) * point_ + next;
    const auto sum =
        static_cast<std::uint64_t>(product & prime) + static_cast<std::uint64_t>(product >> 61U);
    return sum >= prime ? sum - prime : sum;
  }

  static inline const std::uint64_t point_ = SecureRandom()() % (prime / 2) + prime / 4;

  std::uint64_t value_ = 1;
};

}  // namespace hawser::dialect
