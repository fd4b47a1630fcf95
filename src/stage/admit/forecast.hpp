#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "exchange/exchange.hpp"
#include "price/price.hpp"
#include "stage/admit/limits.hpp"

namespace hawser::stage::admit {

/// What a request will use, as far as its own words tell it. Every number is bounded, whatever the
/// client wrote.
struct Forecast {
  price::Purchase purchase = price::Purchase::nothing;
  Amounts tokens{};             // for limits, and for prices by the token
  price::MediaUsage media{};    // pictures, seconds, characters, search units
  std::string picture{};        // size and quality of the pictures
  std::string default_model{};  // that the operation's API takes where none is named
  /// False: nothing in the request tells how much it buys. Only a price for the whole call fits.
  bool measured = true;

  /// The same, as an answer would tell it.
  dialect::Usage usage() const;
};

price::Purchase purchase_of(const exchange::Exchange& exchange);

/// Whether an answer's length follows from what the tenant's other answers of the model were like.
inline bool is_text(price::Purchase purchase) {
  return purchase == price::Purchase::text || purchase == price::Purchase::text_in;
}

/// Of everything that is not text: pictures, sound, rerankings, and what is not known.
Forecast forecast_media(const exchange::Exchange& exchange, const ForecastDefaults& defaults);

/// How many answers a text request asks for: `n`, `best_of`, Gemini's `candidateCount`.
std::uint64_t choices_of(const exchange::Request& request);
/// Tokens that stand in the request as numbers: embeddings and completions take lists of them.
std::uint64_t token_numbers(const exchange::Request& request);
/// The longest answer that it allows, in tokens; 0: it does not say.
std::uint64_t output_max_of(const exchange::Request& request);

}  // namespace hawser::stage::admit
