#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "dialect/usage.hpp"

namespace hawser::price {

/// Money in billionths of a US dollar: sums are exact.
using NanoUsd = std::int64_t;

/// "12.34" dollars, at most nine decimals. Error: invalid_request.
Result<NanoUsd> parse_usd(std::string_view text);
/// "12.34", without zeros at the end.
std::string to_text(NanoUsd amount);

/// What a million tokens cost.
struct Price {
  NanoUsd input = 0;
  NanoUsd output = 0;
  NanoUsd cached = 0;       // input that the provider had in its cache
  NanoUsd cache_write = 0;  // input that it put there
  NanoUsd reasoning = 0;    // output that is not shown

  /// Rounded up to the billionth.
  NanoUsd cost(const dialect::Usage& usage) const;
};

/// Prices by model, from a data file (data/prices.json): a name, or the beginning of one and a *;
/// the longest that fits counts.
class PriceTable {
 public:
  /// @param text  {"version": "...", "models": {NAME: {"input": "2.5", "output": "10", ...}}}, US
  ///              dollars a million tokens; what is not given costs what it is a part of
  /// Error: invalid_request that names the entry.
  static Result<PriceTable> parse(std::string_view text);
  /// @throws std::runtime_error when the file cannot be read or understood
  static PriceTable load(const std::string& file);
  /// The one that the program comes with.
  static const PriceTable& built_in();

  const std::string& version() const { return version_; }
  /// Null: not known. A provider's prefix ("openai/gpt-4o") does not matter.
  const Price* find(std::string_view model) const;
  /// Its entries go before ours.
  void prefer(const PriceTable& other);

 private:
  struct Entry {
    std::string name{};  // without its *
    bool prefix = false;
    Price price{};
  };
  std::string version_;
  std::vector<Entry> entries_;
};

}  // namespace hawser::price
