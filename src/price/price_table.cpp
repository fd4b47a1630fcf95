#include "price/price_table.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "price/model_name.hpp"

namespace hawser::price {

/// data/prices.json; made by the build.
extern const std::string_view built_in_prices;

namespace {

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

const Price* at_time(const std::vector<Price>& prices, std::int64_t now) {
  for (const Price& price : prices) {
    if (now >= price.begins && now < price.ends) return &price;
  }
  return nullptr;
}

/// What is asked for a price at that time.
Quote quote_of(const Price& price, bool regional, std::int64_t now) {
  Quote quote{&price, regional ? price.regional : 1000};
  if (price.peak && price.peak->holds(now)) {
    const std::uint64_t both = std::uint64_t{quote.thousandths} * price.peak->thousandths;
    quote.thousandths = static_cast<std::uint32_t>(both / 1000);
  }
  return quote;
}

}  // namespace

PriceTable PriceTable::load(const std::string& file) {
  std::ifstream in(file);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in) throw std::runtime_error("cannot be read: " + file);
  auto table = parse(text);
  if (!table) throw std::runtime_error(file + ": " + table.error().message);
  return std::move(*table);
}

const PriceTable& PriceTable::built_in() {
  static const PriceTable table = [] {
    auto parsed = parse(built_in_prices);
    if (!parsed) throw std::logic_error("data/prices.json: " + parsed.error().message);
    return std::move(*parsed);
  }();
  return table;
}

Result<> PriceTable::add(std::string_view model, Price price) {
  std::string name = lower_case(model);
  std::vector<Price>* prices = nullptr;
  if (name.ends_with('*')) {
    name.pop_back();
    auto& patterns = own().patterns;
    const auto place = std::find_if(patterns.begin(), patterns.end(), [&](const auto& pattern) {
      return pattern.first == name || pattern.first.size() < name.size();
    });
    const bool known = place != patterns.end() && place->first == name;
    prices = known ? &place->second : &patterns.insert(place, {name, std::vector<Price>()})->second;
  } else {
    prices = &own().models[name];
  }
  for (const Price& other : *prices) {
    if (price.begins >= other.ends || other.begins >= price.ends) continue;
    return Error{.code = Code::invalid_request,
                 .message = std::string(model) + " has two prices for the same time"};
  }
  prices->push_back(std::move(price));
  return {};
}

void PriceTable::add_operation(std::string_view operation, NanoUsd amount) {
  own().operations[std::string(operation)].flat = amount;
}

Quote PriceTable::find_in(const Layer& layer, std::string_view provider, std::string_view model,
                          std::int64_t now) {
  const auto names = names_of_model(model);
  const std::string prefix = lower_case(provider) + "/";
  Quote shorter;
  std::size_t length = 0;
  for (const bool of_provider : {true, false}) {
    for (const ModelName& name : names) {
      const auto found = layer.models.find(of_provider ? prefix + name.name : name.name);
      if (found == layer.models.end()) continue;
      const Price* price = at_time(found->second, now);
      if (price == nullptr || (name.month_day && !price->month_day)) continue;
      const Quote quote = quote_of(*price, name.regional, now);
      if (!name.shorter) return quote;
      if (shorter) continue;
      shorter = quote;
      length = found->first.size();
    }
  }
  if (names.empty()) return {};
  const std::string& whole = names.front().name;
  const std::string last = whole.substr(whole.rfind('/') + 1);
  for (const std::string& name : {prefix + whole, whole, last}) {
    for (const auto& [pattern, prices] : layer.patterns) {
      if (pattern.size() <= length && shorter) break;
      if (!name.starts_with(pattern)) continue;
      if (const Price* price = at_time(prices, now)) return quote_of(*price, false, now);
    }
  }
  return shorter;
}

PriceTable::Layer& PriceTable::own() {
  LayerPtr& layer = layers_.front();
  if (layer.use_count() > 1) layer = std::make_shared<Layer>(*layer);
  return *layer;
}

Quote PriceTable::find(std::string_view provider, std::string_view model, Time now) const {
  using std::chrono::seconds;
  const std::int64_t time = std::chrono::floor<seconds>(now.time_since_epoch()).count();
  for (const LayerPtr& layer : layers_) {
    if (const Quote quote = find_in(*layer, provider, model, time)) return quote;
  }
  return {};
}

Quote PriceTable::find_operation(std::string_view operation) const {
  for (const LayerPtr& layer : layers_) {
    const auto found = layer->operations.find(operation);
    if (found != layer->operations.end()) return {&found->second, 1000};
  }
  return {};
}

void PriceTable::prefer(const PriceTable& other) {
  version_ = other.version_ + "+" + version_;
  layers_.insert(layers_.begin(), other.layers_.begin(), other.layers_.end());
}

}  // namespace hawser::price
