#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "exchange/exchange.hpp"
#include "tokenizer/byte_ratios.hpp"

namespace hawser::stage::admit {

/// What a request gives its model to read.
struct AskedText {
  std::uint64_t bytes = 0;           // of its body, less what is not text
  tokenizer::ScriptBytes scripts{};  // of its texts; empty where they were not looked at
  std::uint64_t exact = 0;           // tokens, where they were counted
  std::uint64_t beside = 0;          // tokens that are no text: a few a message, images
};

/// Looks at a body. Up to 32 KiB its texts are read: counted exactly for models whose encoding is
/// public, by script for others. A longer one is only measured: a worker has other exchanges.
AskedText asked_text(std::string_view body, std::string_view model);

/// What the answers of one tenant and model were like; forgets slowly.
class History {
 public:
  explicit History(std::string_view model) : ratios_(tokenizer::ByteRatios::for_model(model)) {}

  void learn(const AskedText& asked, const dialect::Usage& usage);
  /// Input tokens.
  std::uint64_t input_of(const AskedText& asked) const;
  /// Four of five answers stayed below. @param otherwise  while nothing is known
  std::uint64_t output_p80(std::uint64_t otherwise) const;
  /// The longest that is remembered, rounded up; 0: none is.
  std::uint64_t output_most() const;

 private:
  tokenizer::ByteRatios ratios_;
  double tokens_per_byte_ = 0.25;
  std::array<float, 48>
      outputs_{};  // how many answers, by the size of their output: 1.4 ^ n tokens
  float answers_ = 0;
};
using HistoryPtr = std::shared_ptr<History>;

/// By tenant and model, for one worker.
class Histories {
 public:
  HistoryPtr of(const exchange::Exchange& exchange);

 private:
  static constexpr std::size_t most = 10'000;
  std::unordered_map<std::string, HistoryPtr> known_;
  std::string name_;
};

}  // namespace hawser::stage::admit
