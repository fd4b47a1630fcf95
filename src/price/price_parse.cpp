#include <algorithm>
#include <charconv>

#include "base/json.hpp"
#include "price/price_table.hpp"

namespace hawser::price {
namespace {

Error malformed(std::string message) {
  return {.code = Code::invalid_request, .message = std::move(message)};
}

/// A string's text, or a number as it stands there: exact either way.
std::string text_of(std::string_view token) {
  std::string text;
  if (token.starts_with('"')) {
    decode_json_string(token, text);
    return text;
  }
  return std::string(token);
}

/// Reads the members of one price. Stops at the first that is wrong and says which.
class Reader {
 public:
  explicit Reader(std::string name) : name_(std::move(name)) {}
  std::string problem{};

  bool read(std::string_view members, Price& price) {
    const bool whole =
        for_each_member(members, [&](std::string_view token, std::string_view value) {
          return member(text_of(token), value, price);
        });
    if (!whole) fail("", "must be an object of prices by unit");
    for (Price::Tier& tier : price.tiers) {
      for (std::size_t i = 0; i < units_count; ++i) {
        if (!tier.rates.given[i]) tier.rates.given[i] = price.rates.given[i];
      }
    }
    return problem.empty();
  }

 private:
  bool fail(const std::string& member, const std::string& reason) {
    if (problem.empty()) problem = name_ + (member.empty() ? "" : "." + member) + " " + reason;
    return false;
  }
  bool amount(const std::string& member, std::string_view value, std::optional<NanoUsd>& out) {
    const auto parsed = parse_usd(text_of(value));
    if (!parsed) return fail(member, parsed.error().message);
    out = *parsed;
    return true;
  }
  bool rate(const std::string& member, std::string_view value, Rates& rates, bool& known) {
    const auto found = std::find_if(unit_words.begin(), unit_words.end(),
                                    [&](const UnitWords& words) { return words.name == member; });
    known = found != unit_words.end();
    return !known || amount(member, value, rates[found->unit]);
  }
  bool member(const std::string& name, std::string_view value, Price& price) {
    bool known = false;
    if (!rate(name, value, price.rates, known)) return false;
    if (known) return true;
    if (name == "price") return amount(name, value, price.flat);
    if (name == "images") return pictures(value, price);
    if (name == "tiers") return tiers(value, price);
    if (name == "from") return day(name, value, price.begins);
    if (name == "until") return day(name, value, price.ends);
    if (name == "peak") return peak(value, price);
    if (name == "service_tiers") return service_tiers(value, price);
    if (name == "regional") return factor(name, value, price.regional);
    if (name == "month_day") {
      price.month_day = value == "true";
      return true;
    }
    return fail(name, "is not a unit that has a price");
  }
  bool pictures(std::string_view value, Price& price) {
    const bool whole = for_each_member(value, [&](std::string_view token, std::string_view money) {
      Price::Picture picture;
      std::optional<NanoUsd> read;
      picture.variant = as_requests_say(text_of(token));
      if (!amount("images." + picture.variant, money, read)) return false;
      picture.amount = *read;
      price.pictures.push_back(std::move(picture));
      return true;
    });
    return whole || fail("images", "must be an object of prices by size and quality");
  }
  bool tiers(std::string_view value, Price& price) {
    JsonCursor cursor(value);
    if (!cursor.take('[')) return fail("tiers", "must be a list");
    do {
      const std::size_t begin = cursor.at();
      if (!cursor.skip_value()) return fail("tiers", "must be a list");
      if (!tier(cursor.since(begin), price)) return false;
    } while (cursor.take(','));
    return cursor.take(']') || fail("tiers", "must be a list");
  }
  bool tier(std::string_view members, Price& price) {
    Price::Tier tier;
    const bool whole =
        for_each_member(members, [&](std::string_view token, std::string_view value) {
          const std::string name = text_of(token);
          bool known = false;
          if (!rate(name, value, tier.rates, known)) return false;
          if (known) return true;
          if (name != "over" && name != "from_incl") return fail("tiers." + name, "is not known");
          const auto [end, error] =
              std::from_chars(value.data(), value.data() + value.size(), tier.from);
          if (error != std::errc{} || end != value.data() + value.size()) {
            return fail("tiers." + name, "must be a number of tokens");
          }
          if (name == "over") ++tier.from;
          return true;
        });
    if (!whole) return fail("tiers", "must be a list of objects");
    if (tier.from == 0) return fail("tiers", "needs over or from_incl: a number of tokens");
    if (!price.tiers.empty() && price.tiers.back().from >= tier.from) {
      return fail("tiers", "must rise");
    }
    price.tiers.push_back(tier);
    return true;
  }
  /// Midnight UTC.
  bool day(const std::string& member, std::string_view value, std::int64_t& out) {
    const auto days = parse_day(text_of(value));
    if (!days) return fail(member, days.error().message);
    out = *days * 86'400;
    return true;
  }
  bool peak(std::string_view value, Price& price) {
    const auto text = [value](const char* name) { return json_text(value, name).value_or(""); };
    auto read = Peak::parse(text("hours"), text("days"));
    if (!read) return fail("peak", read.error().message);
    if (!factor("peak.factor", json_member(value, "factor"), read->thousandths)) return false;
    JsonCursor cursor(json_member(value, "except"));
    for (bool more = cursor.take('['); more; more = cursor.take(',')) {
      const std::size_t begin = cursor.at();
      if (!cursor.skip_string()) return fail("peak.except", "must be a list of days");
      const auto free = parse_day(text_of(cursor.since(begin)));
      if (!free) return fail("peak.except", free.error().message);
      read->except.push_back(*free);
    }
    price.peak = std::move(*read);
    return true;
  }
  bool service_tiers(std::string_view value, Price& price) {
    const bool whole = for_each_member(value, [&](std::string_view token, std::string_view number) {
      const std::string name = text_of(token);
      for (std::size_t i = 0; i < dialect::service_tiers_count; ++i) {
        if (name != dialect::name_of(static_cast<dialect::ServiceTier>(i))) continue;
        std::uint32_t thousandths = 0;
        if (!factor("service_tiers." + name, number, thousandths)) return false;
        price.service_tiers.given[i] = thousandths;
        return true;
      }
      return fail("service_tiers." + name, "is not known");
    });
    return whole || fail("service_tiers", "must be an object of factors by service tier");
  }
  /// "1.1"
  bool factor(const std::string& member, std::string_view value, std::uint32_t& out) {
    const auto parsed = parse_factor(text_of(value));
    if (!parsed) return fail(member, parsed.error().message);
    out = *parsed;
    return true;
  }

  std::string name_;
};

/// The prices of one model: one, or several of different times.
Result<> read_model(PriceTable& table, std::string_view token, std::string_view value) {
  std::string name;
  if (!decode_json_string(token, name) || name.empty()) return malformed("a model has no name");
  JsonCursor cursor(value);
  const bool several = cursor.take('[');
  do {
    const std::size_t begin = cursor.at();
    if (!cursor.skip_value()) return malformed(name + " must be an object of prices by unit");
    Price price;
    Reader reader(name);
    if (!reader.read(cursor.since(begin), price)) return malformed(reader.problem);
    if (auto added = table.add(name, std::move(price)); !added) return added;
  } while (several && cursor.take(','));
  if (several && !cursor.take(']')) return malformed(name + " must be a list of prices");
  return {};
}

}  // namespace

Result<PriceTable> PriceTable::parse(std::string_view text) {
  PriceTable table;
  table.version_ = json_text(text, "version").value_or("");
  if (table.version_.empty()) return malformed("\"version\" is missing");
  Result<> read;
  const auto keep = [&read](Result<> result) {
    read = std::move(result);
    return read.has_value();
  };
  const bool models = for_each_member(json_member(text, "models"),
                                      [&](std::string_view name, std::string_view value) {
                                        return keep(read_model(table, name, value));
                                      });
  if (!read) return read.error();
  if (!models) return malformed("\"models\" must be an object of prices by model");
  const std::string_view operations = json_member(text, "operations");
  const bool called =
      operations.empty() ||
      for_each_member(operations, [&](std::string_view name, std::string_view value) {
        const auto amount = parse_usd(text_of(value));
        if (!amount) {
          return keep(malformed("operations." + text_of(name) + " " + amount.error().message));
        }
        table.add_operation(text_of(name), *amount);
        return true;
      });
  if (!read) return read.error();
  if (!called) return malformed("\"operations\" must be an object of prices by operation");
  return table;
}

}  // namespace hawser::price
