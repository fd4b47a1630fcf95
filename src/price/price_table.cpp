#include "price/price_table.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "base/json.hpp"

namespace hawser::price {

/// data/prices.json; made by the build.
extern const std::string_view built_in_prices;

namespace {

constexpr NanoUsd dollar = 1'000'000'000;
constexpr NanoUsd most = 1'000'000'000 * dollar;

Error malformed(std::string message) {
  return {.code = Code::invalid_request, .message = std::move(message)};
}

}  // namespace

Result<NanoUsd> parse_usd(std::string_view text) {
  const Error error =
      malformed("must be an amount of US dollars with at most nine decimals, such as 12.50, not '" +
                std::string(text.substr(0, 40)) + "'");
  NanoUsd amount = 0;
  NanoUsd unit = dollar;
  bool point = false;
  if (text.empty() || text.front() == '.' || text.back() == '.') return error;
  for (const char c : text) {
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9') return error;
    if (point) {
      unit /= 10;
      if (unit == 0) return error;
      amount += (c - '0') * unit;
    } else {
      if (amount > most / 10) return error;
      amount = amount * 10 + (c - '0') * dollar;
    }
  }
  return amount;
}

std::string to_text(NanoUsd amount) {
  const bool negative = amount < 0;
  if (negative) amount = -amount;
  std::string out = (negative ? "-" : "") + std::to_string(amount / dollar);
  if (amount % dollar == 0) return out;
  std::string rest = std::to_string(dollar + amount % dollar).substr(1);
  rest.erase(rest.find_last_not_of('0') + 1);
  return out + "." + rest;
}

NanoUsd Price::cost(const dialect::Usage& usage) const {
  __extension__ using Wide = __int128;
  const auto count = [](std::uint64_t tokens, NanoUsd price) {
    return static_cast<Wide>(tokens) * price;
  };
  // Anthropic's input counts neither what was read from its cache nor what went there; others'
  // does.
  const std::uint64_t apart = std::uint64_t{usage.cached} + usage.cache_write;
  const std::uint64_t plain =
      usage.cached_within ? usage.input - std::min<std::uint64_t>(usage.input, apart) : usage.input;
  const std::uint64_t thought = std::min(usage.reasoning, usage.output);
  const Wide sum = count(plain, input) + count(usage.cached, cached) +
                   count(usage.cache_write, cache_write) + count(thought, reasoning) +
                   count(usage.output - thought, output);
  return static_cast<NanoUsd>((sum + 999'999) / 1'000'000);
}

Result<PriceTable> PriceTable::parse(std::string_view text) {
  PriceTable table;
  table.version_ = json_text(text, "version").value_or("");
  if (table.version_.empty()) return malformed("\"version\" is missing");
  std::string problem;
  const bool whole = for_each_member(
      json_member(text, "models"), [&](std::string_view name, std::string_view members) {
        Entry entry;
        if (!decode_json_string(name, entry.name)) return false;
        const auto read = [&](const char* member, NanoUsd otherwise) {
          const auto value = json_text(members, member);
          if (!value) return otherwise;
          const auto amount = parse_usd(*value);
          if (!amount) problem = entry.name + "." + member + " " + amount.error().message;
          return amount ? *amount : otherwise;
        };
        entry.price.input = read("input", 0);
        entry.price.output = read("output", 0);
        entry.price.cached = read("cached", entry.price.input);
        entry.price.cache_write = read("cache_write", entry.price.input);
        entry.price.reasoning = read("reasoning", entry.price.output);
        entry.prefix = entry.name.ends_with('*');
        if (entry.prefix) entry.name.pop_back();
        table.entries_.push_back(std::move(entry));
        return problem.empty();
      });
  if (!problem.empty()) return malformed(problem);
  if (!whole) return malformed("\"models\" must be an object of prices by model");
  std::stable_sort(table.entries_.begin(), table.entries_.end(),
                   [](const Entry& a, const Entry& b) {
                     return a.prefix != b.prefix ? b.prefix : a.name.size() > b.name.size();
                   });
  return table;
}

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

const Price* PriceTable::find(std::string_view model) const {
  const auto slash = model.rfind('/');
  for (const std::string_view name :
       {model, slash == std::string_view::npos ? model : model.substr(slash + 1)}) {
    for (const Entry& entry : entries_) {
      if (entry.prefix ? name.starts_with(entry.name) : name == entry.name) return &entry.price;
    }
  }
  return nullptr;
}

void PriceTable::prefer(const PriceTable& other) {
  version_ = other.version_ + "+" + version_;
  entries_.insert(entries_.begin(), other.entries_.begin(), other.entries_.end());
}

}  // namespace hawser::price
