#include "base/secure_random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/request_id.hpp"

namespace hawser {
namespace {

using Bits = std::vector<std::uint64_t>;  // 64 a word

std::uint64_t window(const Bits& bits, std::size_t at) {
  const std::size_t word = at / 64, shift = at % 64;
  const std::uint64_t low = bits[word] >> shift;
  return shift == 0 || word + 1 == bits.size() ? low : low | (bits[word + 1] << (64 - shift));
}

/// The length of the shortest linear recurrence over GF(2) that makes the bits (Berlekamp-Massey).
/// Whoever saw twice as many bits as that can compute all that follow.
std::size_t linear_complexity(const Bits& reversed, std::size_t size) {
  const std::size_t words = size / 64 + 2;
  Bits current(words), previous(words), kept(words);
  current[0] = previous[0] = 1;
  std::size_t length = 0, since = 1;
  for (std::size_t n = 0; n < size; ++n, ++since) {
    // The sum over i of current[i] * bit[n - i]; bits are stored last first, so both run upwards.
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i <= length / 64; ++i) {
      const std::size_t at = size - 1 - n + 64 * i;
      if (at >= size) break;
      sum ^= current[i] & window(reversed, at);
    }
    if (std::popcount(sum) % 2 == 0) continue;
    kept = current;
    for (std::size_t i = 0; i + since / 64 < words; ++i) {
      const std::size_t to = i + since / 64, shift = since % 64;
      current[to] ^= previous[i] << shift;
      if (shift != 0 && to + 1 < words) current[to + 1] ^= previous[i] >> (64 - shift);
    }
    if (2 * length > n) continue;
    length = n + 1 - length;
    previous = kept;
    since = 0;
  }
  return length;
}

/// One bit of each number.
template <class Engine>
std::size_t complexity_of(Engine&& next, std::size_t size) {
  Bits reversed(size / 64 + 2);
  for (std::size_t n = 0; n < size; ++n) {
    const std::size_t at = size - 1 - n;
    if (next() & 1) reversed[at / 64] |= std::uint64_t{1} << (at % 64);
  }
  return linear_complexity(reversed, size);
}

constexpr std::size_t observed = 44'000;  // more than twice the state of the Mersenne Twister

TEST(SecureRandom, MeasureSeesTheStateOfALinearEngine) {
  std::uint32_t state = 1;
  const auto lfsr = [&state] {
    state = (state >> 1) ^ ((state & 1) != 0 ? 0xb400u : 0u);  // x^16 + x^14 + x^13 + x^11 + 1
    return state;
  };
  EXPECT_EQ(complexity_of(lfsr, 1000), 16u);
  std::mt19937_64 twister(7);
  EXPECT_LE(complexity_of(twister, observed), 19'968u);
}

TEST(SecureRandom, NoLinearStatePredictsIt) {
  SecureRandom random;
  // A sequence without such a state has a complexity of half its length, give or take a few.
  EXPECT_NEAR(static_cast<double>(complexity_of(random, observed)), observed / 2.0, 64);
}

TEST(SecureRandom, NoLinearStatePredictsAnId) {
  IdSource ids;
  std::string text;
  std::size_t at = 0;
  const auto next = [&] {  // the digits of ids, as a client sees them
    if (at % 13 == 0) text = ids.next().substr(4);
    const auto digit = text[at++ % 13];
    return static_cast<unsigned>(std::string("0123456789abcdefghjkmnpqrstvwxyz").find(digit));
  };
  EXPECT_NEAR(static_cast<double>(complexity_of(next, observed)), observed / 2.0, 64);
}

TEST(SecureRandom, NumbersAreDrawnOnce) {
  SecureRandom one, other;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 10'000; ++i) {
    seen.insert(one());
    seen.insert(other());
  }
  EXPECT_EQ(seen.size(), 20'000u);
}

}  // namespace
}  // namespace hawser
