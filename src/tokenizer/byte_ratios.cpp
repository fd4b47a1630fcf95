#include "tokenizer/byte_ratios.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace hawser::tokenizer {
namespace {

constexpr double weight = 0.1;                     // of one answer in the average
constexpr double full_weight_tokens = 200;         // a shorter text says less
constexpr double surprise_max = 2;                 // one odd answer counts as this factor at most
constexpr double ratio_min = 0.5, ratio_max = 16;  // bytes a token

double exact(const ByteRatios::Ratios& ratios, const ScriptBytes& bytes) {
  double tokens = 0;
  for (std::size_t i = 0; i < scripts_count; ++i) {
    tokens += static_cast<double>(bytes[i]) / ratios[i];
  }
  return tokens;
}

/// U+2E80 to U+9FFF, U+A960 to U+A97F, U+AC00 to U+D7FF, U+F900 to U+FAFF and U+FF00 to U+FFEF, by
/// the first two bytes.
bool is_cjk(unsigned char first, unsigned char second) {
  if (first == 0xe2) return second >= 0xba;
  if (first >= 0xe3 && first <= 0xe9) return true;
  if (first == 0xea) return second == 0xa5 || second >= 0xb0;
  if (first >= 0xeb && first <= 0xed) return true;
  return first == 0xef && ((second >= 0xa4 && second <= 0xab) || second >= 0xbc);
}

}  // namespace

ScriptBytes script_bytes(std::string_view text) {
  ScriptBytes bytes{};
  auto& [ascii, cjk, other] = bytes;
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    if (first < 0x80) {
      ++ascii;
      ++i;
    } else if (i + 2 < text.size() && is_cjk(first, static_cast<unsigned char>(text[i + 1]))) {
      cjk += 3;
      i += 3;
    } else {
      ++other;
      ++i;
    }
  }
  return bytes;
}

ByteRatios ByteRatios::for_model(std::string_view model) {
  const auto is_named = [model](std::string_view name) { return model.find(name) != model.npos; };
  if (is_named("claude")) return ByteRatios({3.5, 2.4, 2.4});
  if (is_named("gemini") || is_named("gemma")) return ByteRatios({4.1, 4.2, 4.0});
  return ByteRatios({4.3, 3.8, 4.0});
}

std::size_t ByteRatios::estimate(const ScriptBytes& bytes) const {
  return static_cast<std::size_t>(std::ceil(exact(ratios_, bytes)));
}

void ByteRatios::learn(std::size_t actual_tokens, const ScriptBytes& bytes) {
  const double expected = exact(ratios_, bytes);
  if (actual_tokens == 0 || expected <= 0) return;
  const double actual = static_cast<double>(actual_tokens);
  const double surprise = std::clamp(actual / expected, 1 / surprise_max, surprise_max);
  const double trust = weight * std::min(1.0, actual / full_weight_tokens);
  for (std::size_t i = 0; i < scripts_count; ++i) {
    const double share = static_cast<double>(bytes[i]) / ratios_[i] / expected;
    const double ratio = ratios_[i] / (1 + trust * share * (surprise - 1));
    ratios_[i] = std::clamp(ratio, ratio_min, ratio_max);
  }
}

}  // namespace hawser::tokenizer
