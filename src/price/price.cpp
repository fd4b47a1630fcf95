#include "price/price.hpp"

#include <algorithm>
#include <limits>

namespace hawser::price {

const std::array<UnitWords, units_count> unit_words{{
    {Unit::input, "input", 1'000'000, {}, "A million tokens of input."},
    {Unit::output, "output", 1'000'000, {}, "A million tokens of output."},
    {Unit::cached, "cached", 1'000'000, Unit::input, "Input that the provider had in its cache."},
    {Unit::cache_write, "cache_write", 1'000'000, Unit::input, "Input that it put there."},
    {Unit::cache_write_long, "cache_write_long", 1'000'000, Unit::cache_write,
     "The same, kept for an hour or more."},
    {Unit::reasoning, "reasoning", 1'000'000, Unit::output, "Output that is not shown."},
    {Unit::audio_input, "audio_input", 1'000'000, Unit::input, "Tokens of sound that is heard."},
    {Unit::audio_cached, "audio_cached", 1'000'000, Unit::audio_input,
     "Sound that the provider had in its cache."},
    {Unit::audio_output, "audio_output", 1'000'000, Unit::output, "Tokens of sound that is made."},
    {Unit::image_input, "image_input", 1'000'000, Unit::input, "Tokens of pictures that are seen."},
    {Unit::image_output, "image_output", 1'000'000, Unit::output,
     "Tokens of pictures that are made."},
    {Unit::image, "image", 1, {}, "A picture that is made."},
    {Unit::second, "second", 1, {}, "A second of audio or video."},
    {Unit::character, "character", 1'000'000, {}, "A million characters that are spoken."},
    {Unit::search, "search", 1, {}, "A search unit of a rerank, or a web search."},
    {Unit::page, "page", 1, {}, "A page of a document."},
    {Unit::request, "request", 1, {}, "A call, beside what it uses."},
}};

namespace {

__extension__ using Wide = __int128;

constexpr NanoUsd web_search_otherwise = 25'000'000;
constexpr std::uint32_t factor_max = 1'000'000'000;  // thousandths

constexpr Wide scale = 1'000'000;  // sums are kept in millionths of a billionth of a dollar

constexpr const UnitWords& words_of(Unit unit) {
  return unit_words[static_cast<std::size_t>(unit)];
}

const Rates& rates_for(const Price& price, std::uint64_t prompt) {
  const Rates* rates = &price.rates;
  for (const Price::Tier& tier : price.tiers) {
    if (prompt >= tier.from) rates = &tier.rates;
  }
  return *rates;
}

/// "1024x1536"
bool is_size(std::string_view text) {
  const auto digits = [](std::string_view part) {
    return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
  };
  const auto cross = text.find('x');
  return cross != std::string_view::npos && digits(text.substr(0, cross)) &&
         digits(text.substr(cross + 1));
}
bool is_quality(std::string_view text) {
  return text == "standard" || text == "hd" || text == "low" || text == "medium" || text == "high";
}

NanoUsd price_of_picture(const Price& price, std::string_view variant) {
  const auto slash = variant.find('/');
  const std::string_view size = variant.substr(0, slash);
  const std::string_view quality =
      slash == std::string_view::npos ? std::string_view() : variant.substr(slash + 1);
  NanoUsd dearest = price.rates.of(Unit::image);
  for (const Price::Picture& picture : price.pictures) {
    if (picture.variant == variant) return picture.amount;
    dearest = std::max(dearest, picture.amount);
  }
  for (const Price::Picture& picture : price.pictures) {
    if (picture.variant == quality || picture.variant == size) return picture.amount;
  }
  // What nobody named, or is no size or quality that is known, is the provider's to choose: it may
  // be the dearest one.
  const bool plain = is_size(size) && is_quality(quality);
  return plain && price.rates.has(Unit::image) ? price.rates.of(Unit::image) : dearest;
}

/// Adds counts up, each token once.
class Sum {
 public:
  explicit Sum(const Rates& rates) : rates_(rates) {}
  void add(Unit unit, std::uint64_t count) { add(unit, count, rates_.of(unit)); }
  void add(Unit unit, std::uint64_t count, NanoUsd amount) {
    sum_ += static_cast<Wide>(count) * amount * (scale / words_of(unit).per);
  }
  void add_milliseconds(std::uint64_t count) {
    sum_ += static_cast<Wide>(count) * rates_.of(Unit::second) * (scale / 1000);
  }
  /// Takes at most `count` out of `rest` and adds that.
  void split(Unit unit, std::uint64_t count, std::uint64_t& rest) {
    split(unit, count, rest, rates_.of(unit));
  }
  void split(Unit unit, std::uint64_t count, std::uint64_t& rest, NanoUsd amount) {
    const std::uint64_t part = std::min(count, rest);
    rest -= part;
    add(unit, part, amount);
  }
  NanoUsd total(std::uint32_t thousandths) const {
    constexpr NanoUsd most = std::numeric_limits<NanoUsd>::max();
    if (sum_ > sum_max) return most;
    const Wide whole = (sum_ * thousandths + scale * 1000 - 1) / (scale * 1000);
    return static_cast<NanoUsd>(std::min<Wide>(whole, most));
  }

 private:
  const Rates& rates_;
  // Above it also a thousandth is more than any amount; below it every factor fits.
  static constexpr Wide sum_max = scale * 1'000'000 * std::numeric_limits<NanoUsd>::max() / 100;
  Wide sum_ = 0;  // below 2^116: some twenty counts below 2^32, prices below 2^60, and the scale
};

/// @param fresh  tokens that no cache had or was given
void add_input(const Rates& rates, const dialect::Usage& usage, std::uint64_t fresh, Sum& sum) {
  sum.split(Unit::audio_input, usage.audio_input - std::min(usage.audio_input, usage.audio_cached),
            fresh);
  sum.split(Unit::image_input, usage.image_input - std::min(usage.image_input, usage.image_cached),
            fresh);
  sum.split(Unit::input, usage.other_input, fresh,
            rates.dearest({Unit::input, Unit::audio_input, Unit::image_input}));
  sum.add(Unit::input, fresh);
  std::uint64_t cached = usage.cached;
  sum.split(Unit::audio_cached, usage.audio_cached, cached);
  sum.add(Unit::cached, cached);
  std::uint64_t written = usage.cache_write;
  sum.split(Unit::cache_write_long, usage.cache_write_long, written);
  sum.add(Unit::cache_write, written);
}

void add_output(const Rates& rates, const dialect::Usage& usage, Sum& sum) {
  std::uint64_t shown = usage.output;
  sum.split(Unit::reasoning, usage.reasoning, shown);
  sum.split(Unit::audio_output, usage.audio_output, shown);
  sum.split(Unit::image_output, usage.image_output, shown);
  sum.split(Unit::output, usage.other_output, shown,
            rates.dearest({Unit::output, Unit::audio_output, Unit::image_output}));
  sum.add(Unit::output, shown);
}

}  // namespace

NanoUsd Rates::dearest(std::initializer_list<Unit> units) const {
  NanoUsd most = 0;
  for (const Unit unit : units) most = std::max(most, of(unit));
  return most;
}

std::uint32_t ServiceFactors::of(dialect::ServiceTier tier) const {
  using dialect::ServiceTier;
  if (const auto& factor = given[static_cast<std::size_t>(tier)]) return *factor;
  switch (tier) {
    case ServiceTier::standard:
    case ServiceTier::flex:
    case ServiceTier::batch:
    case ServiceTier::reserved:
      return 1000;
    case ServiceTier::priority:
      return 2500;
    case ServiceTier::fast:
    case ServiceTier::other:
      break;
  }
  return 6000;
}

NanoUsd Rates::of(Unit unit) const {
  for (std::optional<Unit> at = unit; at; at = words_of(*at).part_of) {
    if (const auto& amount = given[static_cast<std::size_t>(*at)]) return *amount;
  }
  return 0;
}

bool Quote::covers(Purchase purchase) const {
  if (purchase == Purchase::nothing) return true;
  if (price == nullptr) return false;
  if (price->flat) return true;
  const Rates& rates = price->rates;
  switch (purchase) {
    case Purchase::nothing:
      return true;
    case Purchase::text:
      return rates.has(Unit::input) && rates.has(Unit::output);
    case Purchase::text_in:
      return rates.has(Unit::input);
    case Purchase::images:
      return rates.has(Unit::image) || !price->pictures.empty() || rates.has(Unit::output) ||
             rates.has(Unit::image_output);
    case Purchase::audio:
      return rates.has(Unit::second) || rates.has(Unit::input) || rates.has(Unit::audio_input);
    case Purchase::speech:
      return rates.has(Unit::character) || rates.has(Unit::output) || rates.has(Unit::audio_output);
    case Purchase::searches:
      return rates.has(Unit::search) || rates.has(Unit::input);
    case Purchase::unknown:
      return false;
  }
  return false;
}

NanoUsd Quote::cost(const dialect::Usage& usage, const MediaUsage& media,
                    std::string_view picture) const {
  if (price == nullptr) return 0;
  if (price->flat) return *price->flat;
  // Anthropic's input counts neither what was read from its cache nor what went there; others'
  // does.
  const std::uint64_t apart = std::uint64_t{usage.cached} + usage.cache_write;
  const std::uint64_t prompt =
      usage.cached_within ? std::uint64_t{usage.input} : std::uint64_t{usage.input} + apart;
  const Rates& rates = rates_for(*price, prompt);
  Sum sum(rates);
  add_input(rates, usage, prompt - std::min(prompt, apart), sum);
  add_output(rates, usage, sum);
  if (media.images > 0) sum.add(Unit::image, media.images, price_of_picture(*price, picture));
  sum.add_milliseconds(media.audio_ms);
  sum.add(Unit::character, media.characters);
  sum.add(Unit::search, media.searches);
  sum.add(Unit::search, media.web_searches,
          rates.has(Unit::search) ? rates.of(Unit::search) : web_search_otherwise);
  sum.add(Unit::page, media.pages);
  sum.add(Unit::request, 1);
  const std::uint64_t factor =
      std::uint64_t{thousandths} * price->service_tiers.of(usage.tier) / 1000;
  return sum.total(static_cast<std::uint32_t>(std::min<std::uint64_t>(factor, factor_max)));
}

}  // namespace hawser::price
