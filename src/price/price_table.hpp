#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "price/price.hpp"

namespace hawser::price {

/// Prices by model and by operation, in layers: what was put on top counts first. Immutable once it
/// is shared.
class PriceTable {
 public:
  using Time = std::chrono::system_clock::time_point;

  /// @param text  {"version": "...", "models": {NAME: {"input": "2.5", "output": "10", ...}},
  ///              "operations": {NAME: "0.5"}}; docs/budgets.md has the whole form
  /// Error: invalid_request that names the entry.
  static Result<PriceTable> parse(std::string_view text);
  /// @throws std::runtime_error when the file cannot be read or understood
  static PriceTable load(const std::string& file);
  /// The one that the program comes with.
  static const PriceTable& built_in();

  const std::string& version() const { return version_; }
  void name_version(std::string version) { version_ = std::move(version); }
  /// The price of a model at `now`. A name of the table that ends in * stands for all that begin
  /// with it: what is exact goes first, then the longest.
  /// @param provider  its name in the configuration: "PROVIDER/MODEL" goes before "MODEL"
  Quote find(std::string_view provider, std::string_view model, Time now) const;
  /// What a call of the operation costs, where it is given: with all that it uses.
  Quote find_operation(std::string_view operation) const;

  /// Error: invalid_request when its times overlap those of another price of the same name
  Result<> add(std::string_view model, Price price);
  void add_operation(std::string_view operation, NanoUsd amount);
  /// Its prices go before ours.
  void prefer(const PriceTable& other);

 private:
  /// One source: a file, the configuration, or the built-in table.
  struct Layer {
    std::unordered_map<std::string, std::vector<Price>> models{};
    std::map<std::string, Price, std::less<>> operations{};
    std::vector<std::pair<std::string, std::vector<Price>>> patterns{};  // longest first, without *
  };
  using LayerPtr = std::shared_ptr<Layer>;
  static Quote find_in(const Layer& layer, std::string_view provider, std::string_view model,
                       std::int64_t now);
  /// Ours alone, also where the rest is shared with a copy of this table.
  Layer& own();

  std::string version_{};
  std::vector<LayerPtr> layers_{std::make_shared<Layer>()};
};

}  // namespace hawser::price
