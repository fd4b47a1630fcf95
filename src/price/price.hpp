#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dialect/usage.hpp"
#include "price/money.hpp"
#include "price/peak.hpp"

namespace hawser::price {

/// A size or quality of pictures as it is compared: in lower case, without blanks. Lenient
/// providers take other spellings, too.
inline std::string as_requests_say(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c);
  }
  return out;
}

/// What a price can be given for.
enum class Unit : std::uint8_t {
  input,
  output,
  cached,            // input that the provider had in its cache
  cache_write,       // input that it put there
  cache_write_long,  // the same, kept for an hour or more
  reasoning,         // output that is not shown
  audio_input,
  audio_cached,  // sound that the provider had in its cache
  audio_output,
  image_input,
  image_output,
  image,      // a picture, whatever its size
  second,     // of audio
  character,  // of text that is spoken
  search,     // a search unit of a rerank, a web search
  page,       // of a document
  request     // a call, beside what it uses
};
inline constexpr std::size_t units_count = 17;

/// One unit in files of prices and in the configuration.
struct UnitWords {
  Unit unit;
  std::string_view name;
  std::uint32_t per;            // its price is for so many
  std::optional<Unit> part_of;  // what it costs where it has no price of its own
  std::string_view what;        // for the reference
};
extern const std::array<UnitWords, units_count> unit_words;

/// What a call buys: decides which units its price must have.
enum class Purchase : std::uint8_t {
  nothing,
  text,      // tokens, in and out
  text_in,   // tokens that are read only
  images,    // pictures, or the tokens of them
  audio,     // seconds of it, or the tokens of them
  speech,    // characters that are spoken, or the tokens of the sound
  searches,  // search units, or tokens that are read
  unknown    // a price for the whole call is the only one that fits
};

/// What a call uses beside tokens, in units of its own.
struct MediaUsage {
  std::uint32_t images = 0;      // pictures that were made
  std::uint32_t audio_ms = 0;    // length of the audio, in milliseconds
  std::uint32_t characters = 0;  // of the text that was spoken
  std::uint32_t searches = 0;    // search units of a rerank
  /// That a model made on the way. Never free by silence: without a price the dearest that is
  /// known.
  std::uint32_t web_searches = 0;
  std::uint32_t pages = 0;  // of documents
};

/// Prices by unit. What is not given costs what it is a part of, or nothing.
struct Rates {
  std::array<std::optional<NanoUsd>, units_count> given{};

  std::optional<NanoUsd>& operator[](Unit unit) { return given[static_cast<std::size_t>(unit)]; }
  bool has(Unit unit) const { return given[static_cast<std::size_t>(unit)].has_value(); }
  NanoUsd of(Unit unit) const;
  /// The largest that is given among these.
  NanoUsd dearest(std::initializer_list<Unit> units) const;
};

/// Factors, in thousandths, by how a request is served.
struct ServiceFactors {
  std::array<std::optional<std::uint32_t>, dialect::service_tiers_count> given{};

  /// Where none is given: what may be cheaper costs the same, and what is dearer the most that is
  /// known of any vendor (priority 2.5, fast 6), also where its name says nothing.
  std::uint32_t of(dialect::ServiceTier tier) const;
};

/// What a model costs for a time.
struct Price {
  /// Other rates for all of a request whose prompt is long: cached tokens count.
  struct Tier {
    std::uint64_t from = 0;  // tokens of the prompt, at least
    Rates rates{};
  };
  struct Picture {
    std::string variant{};  // "1024x1024/high", "high" or "1024x1024"
    NanoUsd amount = 0;
  };
  std::optional<NanoUsd> flat{};  // of a call, with all that it uses
  Rates rates{};
  std::vector<Tier> tiers{};        // ascending
  std::vector<Picture> pictures{};  // before Unit::image; their names in lower case
  bool month_day = false;           // its name may end in a date of four digits, -MMDD
  std::uint32_t regional = 1000;    // thousandths, where a region is named to serve it
  ServiceFactors service_tiers{};   // of all but the flat price
  std::optional<Peak> peak{};
  std::int64_t begins = INT64_MIN;  // seconds since the epoch
  std::int64_t ends = INT64_MAX;
};

/// The price that a request has to pay. Points into its table.
struct Quote {
  const Price* price = nullptr;  // null: none is known
  std::uint32_t thousandths = 1000;

  explicit operator bool() const { return price != nullptr; }
  /// Whether that purchase can be worked out by it.
  bool covers(Purchase purchase) const;
  /// Rounded up to the billionth; the largest amount where it does not fit. 0 without a price.
  /// @param picture  size and quality of what is made, as Price::Picture names them
  NanoUsd cost(const dialect::Usage& usage, const MediaUsage& media = {},
               std::string_view picture = {}) const;
};

}  // namespace hawser::price
