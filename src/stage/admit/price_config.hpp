#pragma once

#include <array>
#include <string>
#include <vector>

#include "config/fields.hpp"
#include "price/price_table.hpp"

namespace hawser::stage::admit {

/// What a model costs, in US dollars as text.
struct PriceConfig {
  std::string price{};
  std::array<std::string, price::units_count> units{};
  config::Map<std::string> images{};
  config::Map<std::string> service_tiers{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field("price", price, config::Anything{},
          "A call, with all that it uses; 0 is how a free model is written.");
    for (std::size_t i = 0; i < price::units_count; ++i) {
      const auto& words = price::unit_words[i];
      field(words.name, units[i], config::Anything{}, words.what);
    }
    field("images", images, config::Anything{},
          "A picture by its size and quality: 1024x1024/high, 1024x1024 or high.");
    field("service_tiers", service_tiers, config::Anything{},
          "A factor for answers that are served otherwise: flex, batch, reserved, priority, fast, "
          "other.");
  }
  std::vector<config::Problem> check() const;
};

struct PricesConfig {
  config::Map<PriceConfig> models{};
  config::Map<std::string> operations{};

  template <class Visitor>
  void fields(Visitor&& field) {
    field(
        "models", models, config::Anything{},
        "By the provider's name of the model, or PROVIDER/MODEL for one of them only; a trailing * "
        "matches any ending.");
    field("operations", operations, config::Anything{},
          "A call by its operation, with all that it uses: batches, fine_tuning, videos; 0: free.");
  }
  std::vector<config::Problem> check() const;
};

/// What `prices` says, with a version that changes with it. Of a configuration that was checked.
price::PriceTable price_table_of(const PricesConfig& prices);

}  // namespace hawser::stage::admit
