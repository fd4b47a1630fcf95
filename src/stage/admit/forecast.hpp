#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "exchange/exchange.hpp"
#include "price/price.hpp"
#include "stage/admit/estimate.hpp"
#include "stage/admit/limits.hpp"

namespace hawser::stage::admit {

/// What a request will use, as far as its own words tell it. Every number is bounded, whatever the
/// client wrote.
struct Forecast {
  price::Purchase purchase = price::Purchase::nothing;
  Amounts tokens{};  // for limits, and for prices by the token
  /// Output tokens, which a hard budget must have room for; 0: as many as are expected.
  std::uint64_t output_most = 0;
  price::MediaUsage media{};  // pictures, seconds, characters, search units
  dialect::ServiceTier tier = dialect::ServiceTier::standard;  // that is asked for
  std::string picture{};                                       // size and quality of the pictures
  std::string default_model{};  // that the operation's API takes where none is named
  /// False: nothing in the request tells how much it buys. Only a price for the whole call fits.
  bool measured = true;

  /// The same, as an answer would tell it.
  dialect::Usage usage() const;
  /// What an answer told, and what it left unsaid as it was expected: of what kind its tokens are,
  /// and how it was served.
  dialect::Usage completed(dialect::Usage told) const;
};

price::Purchase purchase_of(const exchange::Exchange& exchange);

/// Whether an answer's length follows from what the tenant's other answers of the model were like.
inline bool is_text(price::Purchase purchase) {
  return purchase == price::Purchase::text || purchase == price::Purchase::text_in;
}

/// What the body of a text request says of its cost.
struct TextFacts {
  AskedText asked{};
  std::uint64_t token_numbers = 0;
  std::uint64_t choices = 0;     // answers that it asks for; 0: they are no text
  std::uint64_t output_max = 0;  // tokens of each; 0: not said
  dialect::ServiceTier tier = dialect::ServiceTier::standard;
};
/// Reads all of the body. @param model  as its provider names it
TextFacts text_facts(const exchange::Request& request, std::string_view model);
/// Of a request whose answer is text, or nothing but what it reads. Where it does not say how long
/// its answer may be, that is what `history` knows of others, or the default.
Forecast forecast_text(const exchange::Exchange& exchange, const TextFacts& facts,
                       const History& history, const ForecastDefaults& defaults);

/// Of everything that is not text: pictures, sound, rerankings, and what is not known.
Forecast forecast_media(const exchange::Exchange& exchange, const ForecastDefaults& defaults);

/// What the request's body asks for.
dialect::ServiceTier service_tier_of(const exchange::Request& request);
/// Tokens that stand in the request as numbers: embeddings and completions take lists of them.
std::uint64_t token_numbers(const exchange::Request& request);

}  // namespace hawser::stage::admit
