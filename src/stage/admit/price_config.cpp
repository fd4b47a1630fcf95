#include "stage/admit/price_config.hpp"

#include <charconv>
#include <optional>

#include "dialect/operation.hpp"

namespace hawser::stage::admit {
namespace {

void check_amount(const std::string& path, const std::string& text,
                  std::vector<config::Problem>& problems) {
  const auto parsed = price::parse_usd(text);
  if (!text.empty() && !parsed) problems.push_back({path, parsed.error().message});
}

std::optional<dialect::ServiceTier> service_tier_named(std::string_view name) {
  for (std::size_t i = 0; i < dialect::service_tiers_count; ++i) {
    const auto tier = static_cast<dialect::ServiceTier>(i);
    if (name == dialect::name_of(tier)) return tier;
  }
  return std::nullopt;
}

price::Price price_of(const PriceConfig& config) {
  price::Price price;
  if (!config.price.empty()) price.flat = *price::parse_usd(config.price);
  for (std::size_t i = 0; i < price::units_count; ++i) {
    if (!config.units[i].empty()) price.rates.given[i] = *price::parse_usd(config.units[i]);
  }
  for (const auto& [variant, amount] : config.images) {
    price.pictures.push_back({price::as_requests_say(variant), *price::parse_usd(amount)});
  }
  for (const auto& [name, factor] : config.service_tiers) {
    const auto tier = static_cast<std::size_t>(*service_tier_named(name));
    price.service_tiers.given[tier] = *price::parse_factor(factor);
  }
  return price;
}

/// The same prices have the same version.
std::string version_of(const PricesConfig& prices) {
  std::string text;
  for (const auto& [model, price] : prices.models) {
    text.append(model).append("\n").append(price.price).append("\n");
    for (const auto& amount : price.units) text.append(amount).append("\n");
    for (const auto& [variant, amount] : price.images) text.append(variant + "=" + amount + "\n");
    for (const auto& [tier, factor] : price.service_tiers) text.append(tier + "*" + factor + "\n");
  }
  for (const auto& [name, amount] : prices.operations) text.append(name + "=" + amount + "\n");
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  char digits[16];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, hash, 16);
  return "config-" + std::string(digits, end);
}

bool is_operation(std::string_view name) {
  for (std::size_t i = 0; i < dialect::operations_count; ++i) {
    if (dialect::traits_of(static_cast<dialect::Operation>(i)).name == name) return true;
  }
  return false;
}

}  // namespace

std::vector<config::Problem> PriceConfig::check() const {
  std::vector<config::Problem> problems;
  check_amount("price", price, problems);
  for (std::size_t i = 0; i < price::units_count; ++i) {
    check_amount(std::string(price::unit_words[i].name), units[i], problems);
  }
  for (const auto& [variant, amount] : images) {
    check_amount("images." + variant, amount, problems);
    if (amount.empty()) problems.push_back({"images." + variant, "is empty"});
  }
  for (const auto& [name, factor] : service_tiers) {
    const std::string path = "service_tiers." + name;
    if (!service_tier_named(name)) problems.push_back({path, "is no service tier"});
    if (const auto parsed = price::parse_factor(factor); !parsed) {
      problems.push_back({path, parsed.error().message});
    }
  }
  return problems;
}

std::vector<config::Problem> PricesConfig::check() const {
  std::vector<config::Problem> problems;
  for (const auto& [name, amount] : operations) {
    check_amount("operations." + name, amount, problems);
    if (amount.empty()) problems.push_back({"operations." + name, "is empty"});
    if (is_operation(name)) continue;
    problems.push_back({"operations." + name, "is no operation"});
  }
  price::PriceTable table;
  for (const auto& [model, price] : models) {
    if (auto added = table.add(model, price::Price()); !added) {
      problems.push_back({"models." + model, added.error().message});
    }
  }
  return problems;
}

price::PriceTable price_table_of(const PricesConfig& prices) {
  price::PriceTable table;
  table.name_version(version_of(prices));
  for (const auto& [model, price] : prices.models) {
    // Two of one name are refused by check().
    static_cast<void>(table.add(model, price_of(price)));
  }
  for (const auto& [name, amount] : prices.operations) {
    table.add_operation(name, *price::parse_usd(amount));
  }
  return table;
}

}  // namespace hawser::stage::admit
