#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "exchange/exchange.hpp"

namespace hawser::stage::admit {

/// What the answers of one tenant and model were like; forgets slowly.
class History {
 public:
  void learn(std::uint64_t body_bytes, const dialect::Usage& usage);
  /// Input tokens of a body of so many bytes of text.
  std::uint64_t input_of(std::uint64_t body_bytes) const;
  /// Four of five answers stayed below. @param otherwise  while nothing is known
  std::uint64_t output_p80(std::uint64_t otherwise) const;

 private:
  double tokens_per_byte_ = 0.25;
  std::array<float, 48>
      outputs_{};  // how many answers, by the size of their output: 1.4 ^ n tokens
  float answers_ = 0;
};

using HistoryPtr = std::shared_ptr<History>;

/// Bytes of a JSON body that are text: images and audio in it, as data URLs or base64, are not.
std::uint64_t text_bytes(std::string_view body);

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
